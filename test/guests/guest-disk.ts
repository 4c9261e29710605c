import { rm } from 'node:fs/promises';
import { ACCELERATOR } from './machine.ts';
import type { GuestRecipe } from './recipe.ts';
import type { StepRunner } from './run-step.ts';

const MIB_SECTORS = 2048;
const SWAP_MIB = 96;

// libguestfs gives its commands stable names of disks. Programs see the kernel's, whose order changes from start to start.
const FIND_DISK = 'disk=/dev/$(lsblk -n -d -o PKNAME "$(findmnt -n -v -o SOURCE --target /boot)"); test -b "$disk"';

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
  for (const [index, disk] of recipe.disks.entries()) {
    const path = paths[index];
    if (path === undefined) throw new Error(`${recipe.name}: no path for disk ${index}`);
    await rm(path, { force: true });
    if (index === 0 && recipe.ext4Root === true) await makeExt4Disk(disk.sizeMiB, tree, path, steps);
    else await steps.run('qemu-img', ['create', '-q', '-f', 'qcow2', path, `${disk.sizeMiB}M`]);
    drives.push('--format=qcow2', '-a', path);
  }
  const tar = `${tree}.tar`;
  try {
    if (recipe.ext4Root !== true) await steps.run('tar', ['-C', tree, '--numeric-owner', '-cf', tar, '.']);
    // guestfish reads the escapes of a JSON string in double quotes as JSON does.
    const script = [
      'run',
      recipe.layout,
      recipe.ext4Root === true ? '' : `tar-in ${JSON.stringify(tar)} /`,
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

async function makeExt4Disk(sizeMiB: number, tree: string, path: string, steps: StepRunner): Promise<void> {
  const raw = `${path}.raw`;
  const rootMiB = sizeMiB - SWAP_MIB - 1;
  const partitions = [
    'label: dos',
    `start=${MIB_SECTORS}, size=${rootMiB * MIB_SECTORS}, type=83, bootable`,
    `start=${(rootMiB + 1) * MIB_SECTORS}, size=${SWAP_MIB * MIB_SECTORS}, type=82`,
    '',
  ];
  try {
    await steps.run('truncate', ['-s', `${sizeMiB}M`, raw]);
    await steps.run('sfdisk', ['-q', raw], { input: partitions.join('\n') });
    const offset = `offset=${MIB_SECTORS * 512}`;
    await steps.run('mke2fs', ['-q', '-F', '-t', 'ext4', '-E', offset, '-d', tree, raw, `${rootMiB}M`]);
    await steps.run('qemu-img', ['convert', '-O', 'qcow2', raw, path]);
  } finally {
    await rm(raw, { force: true });
  }
}
