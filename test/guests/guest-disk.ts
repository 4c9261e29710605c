import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ACCELERATOR } from './machine.ts';
import type { Ext4Root, GuestRecipe } from './recipe.ts';
import type { StepRunner } from './run-step.ts';

const SWAP_MIB = 96;
const LUKS2_HEADER_MIB = 16;

// libguestfs gives its commands stable names of disks. Programs see the kernel's, whose order changes from start to start.
const FIND_DISK =
  'disk=$(lsblk -n -l -s -p -o NAME "$(findmnt -n -v -o SOURCE --target /boot)" | tail -n 1); test -b "$disk"';

/**
 * Makes the disks of a guest, as qcow2, from the tree of its files. What mke2fs cannot do in a plain file is done by
 * libguestfs, so that neither loop devices nor a device mapper of the host are needed.
 */
export async function buildGuestDisks(
  recipe: GuestRecipe,
  tree: string,
  paths: readonly string[],
  steps: StepRunner,
): Promise<void> {
  const drives: string[] = [];
  const { ext4Root } = recipe;
  const root = ext4Root === true ? rootAndSwap(recipe.disks[0]?.sizeMiB ?? 0) : ext4Root;
  for (const [index, disk] of recipe.disks.entries()) {
    const path = paths[index];
    if (path === undefined) throw new Error(`${recipe.name}: no path for disk ${index}`);
    await rm(path, { force: true });
    if (index === 0 && root !== undefined) await makeExt4Disk(root, disk.sizeMiB, tree, path, steps);
    else if (index === 1 && root?.isMirrored === true) {
      await copyFile(paths[0] ?? '', path);
      await steps.run('qemu-img', ['resize', '-q', path, `${disk.sizeMiB}M`]);
    } else await steps.run('qemu-img', ['create', '-q', '-f', 'qcow2', path, `${disk.sizeMiB}M`]);
    drives.push('--format=qcow2', '-a', path);
  }
  const tar = `${tree}.tar`;
  try {
    if (root === undefined) await steps.run('tar', ['-C', tree, '--numeric-owner', '-cf', tar, '.']);
    // guestfish reads the escapes of a JSON string in double quotes as JSON does.
    const script = [
      'run',
      recipe.layout,
      root === undefined ? `tar-in ${JSON.stringify(tar)} /` : '',
      `sh ${JSON.stringify(`set -eux; ${FIND_DISK}; ${recipe.install}`)}`,
      'umount-all',
      '',
    ].join('\n');
    const settings = ACCELERATOR === 'tcg' ? 'force_tcg' : '';
    const env = { LIBGUESTFS_BACKEND: 'direct', LIBGUESTFS_BACKEND_SETTINGS: settings };
    await steps.run('guestfish', drives, { input: script, env });
  } finally {
    await rm(tar, { force: true });
  }
}

/** An MBR, the root in the first partition and swap in the second. */
function rootAndSwap(diskMiB: number): Ext4Root {
  const sizeMiB = diskMiB - SWAP_MIB - 1;
  const partitions = [
    'label: dos',
    `start=1MiB, size=${sizeMiB}MiB, type=83, bootable`,
    `start=${sizeMiB + 1}MiB, size=${SWAP_MIB}MiB, type=82`,
  ];
  return { partitions, startMiB: 1, sizeMiB };
}

async function makeExt4Disk(
  root: Ext4Root,
  diskMiB: number,
  tree: string,
  path: string,
  steps: StepRunner,
): Promise<void> {
  const raw = `${path}.raw`;
  const { partitions, startMiB, offsetMiB = 0, luks } = root;
  try {
    await steps.run('truncate', ['-s', `${diskMiB}M`, raw]);
    await steps.run('sfdisk', ['-q', raw], { input: `${partitions.join('\n')}\n` });
    if (luks === undefined) await makeExt4(root, tree, raw, startMiB + offsetMiB, steps);
    else {
      const volume = `${path}.volume`;
      await steps.run('truncate', ['-s', `${offsetMiB + root.sizeMiB}M`, volume]);
      try {
        await makeExt4(root, tree, volume, offsetMiB, steps);
        await placeEncrypted(volume, luks, raw, startMiB, steps);
      } finally {
        await rm(volume, { force: true });
      }
    }
    await steps.run('qemu-img', ['convert', '-O', 'qcow2', raw, path]);
  } finally {
    await rm(raw, { force: true });
  }
}

async function makeExt4(root: Ext4Root, tree: string, file: string, atMiB: number, steps: StepRunner): Promise<void> {
  const options = ['-q', '-F', '-t', 'ext4', '-E', `offset=${atMiB * 2 ** 20}`];
  if (root.uuid !== undefined) options.push('-U', root.uuid);
  await steps.run('mke2fs', [...options, '-d', tree, file, `${root.sizeMiB}M`]);
}

/** Copies what follows the first `skippedBytes` of a file onto a disk. */
async function place(
  file: string,
  skippedBytes: number,
  disk: string,
  atMiB: number,
  steps: StepRunner,
): Promise<void> {
  const positions = [`skip=${skippedBytes}`, `seek=${atMiB * 2 ** 20}`, 'iflag=skip_bytes', 'oflag=seek_bytes'];
  await steps.run('dd', [`if=${file}`, `of=${disk}`, 'bs=4M', 'conv=notrunc,sparse', ...positions]);
}

/**
 * Encrypts a volume without dm-crypt, which the host may lack: qemu-img writes LUKS version 1 only, so that cryptsetup makes a header of version 2 with
 * its key, and the encrypted bytes, which are the same in both, follow that.
 */
async function placeEncrypted(
  volume: string,
  luks: { uuid: string; passphrase: string },
  disk: string,
  atMiB: number,
  steps: StepRunner,
): Promise<void> {
  const folder = await mkdtemp(`${volume}-luks-`);
  const [version1, header, key] = ['version1', 'header', 'key'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const input = luks.passphrase;
  try {
    const secret = ['--object', `secret,id=passphrase,data=${luks.passphrase}`];
    const options = ['-f', 'raw', '-O', 'luks', '-o', 'key-secret=passphrase,iter-time=10'];
    await steps.run('qemu-img', ['convert', ...secret, ...options, volume, version1]);
    const dump = ['luksDump', '-q', '--dump-volume-key', '--volume-key-file', key, '--key-file', '-', version1];
    await steps.run('cryptsetup', dump, { input });
    await steps.run('truncate', ['-s', `${LUKS2_HEADER_MIB + 1}M`, header]);
    const cipher = ['--cipher', 'aes-xts-plain64', '--key-size', '512', '--sector-size', '512'];
    // Few rounds, since an emulated processor has to do them in each boot.
    const rounds = ['--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '10000'];
    const position = ['--offset', `${LUKS2_HEADER_MIB * 2048}`, '--uuid', luks.uuid, '--key-file', '-'];
    const format = ['luksFormat', '-q', '--type', 'luks2', '--volume-key-file', key, ...cipher, ...rounds, ...position];
    await steps.run('cryptsetup', [...format, header], { input });
    await steps.run('truncate', ['-s', `${LUKS2_HEADER_MIB}M`, header]);
    await place(header, 0, disk, atMiB, steps);
    await place(version1, await luks1PayloadBytes(version1, steps), disk, atMiB + LUKS2_HEADER_MIB, steps);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function luks1PayloadBytes(path: string, steps: StepRunner): Promise<number> {
  const dump = await steps.run('cryptsetup', ['luksDump', path]);
  const sectors = /^Payload offset:\s*(\d+)$/m.exec(dump)?.[1];
  if (sectors === undefined) throw new Error(`${path}: cryptsetup gives no payload offset`);
  return Number(sectors) * 512;
}
