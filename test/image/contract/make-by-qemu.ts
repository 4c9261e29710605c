import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { outputOf } from '../../oracles/run-program.ts';
import { writeDisk } from '../make-disk.ts';
import { differencingVhd } from '../vhd/vhd-files.ts';
import { dataWriteGuid, differencingVhdx } from '../vhdx/vhdx-files.ts';
import { layersOf } from './layers.ts';
import type { Shape } from './pieces-image.ts';

const MIB = 2 ** 20;
/** More than any file system of a test machine takes in one file: ext4 ends at 16 TiB. */
const NO_FILE_BYTES = 16 * 2 ** 40;

/** Where an image is to be made, of what. */
export interface Place {
  folder: string;
  shape: Shape;
  /** '' for a kind without that oracle. */
  qemuImg: string;
}

/** Has qemu-img make an image with `-O`, `-o` and, for `-c` among the options, compressed. What no file could be the source of is made empty, and written into. */
export async function makeByQemu({ folder, shape, qemuImg }: Place, format: string, options = '', name = 'image') {
  const path = join(folder, `${name}.${format}`);
  const words = options.split(' ').filter(Boolean);
  const dashO = words.flatMap((word) => (word === '-c' ? [] : ['-o', word]));
  if (shape.sizeBytes < NO_FILE_BYTES) {
    const raw = join(folder, 'content.raw');
    await writeDisk(raw, shape.sizeBytes, shape.pieces);
    const flags = words.includes('-c') ? ['-c'] : [];
    await outputOf(qemuImg, ['convert', '-f', 'raw', '-O', format, ...flags, ...dashO, raw, path]);
    return path;
  }
  await outputOf(qemuImg, ['create', '-q', '-f', format, ...dashO, path, `${shape.sizeBytes}`]);
  for (const [at, bytes] of shape.pieces) {
    const piece = join(folder, 'piece');
    await writeFile(piece, bytes);
    const target = `driver=raw,offset=${at},size=${bytes.length},file.driver=${format},file.file.filename=${path}`;
    await outputOf(qemuImg, ['convert', '-n', '-f', 'raw', piece, '--target-image-opts', target]);
  }
  return path;
}

/** A child that qemu makes alone, and which gets its parent after: so do those below. */
export async function makeQcow2Chain(place: Place): Promise<string> {
  const { below, above } = layersOf(place.shape, 65_536);
  await makeByQemu({ ...place, shape: below }, 'qcow2', '', 'base');
  const path = await makeByQemu({ ...place, shape: above }, 'qcow2');
  await outputOf(place.qemuImg, ['rebase', '-u', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', path]);
  return path;
}

export async function makeVhdChain(place: Place): Promise<string> {
  const { below, above } = layersOf(place.shape, 2 * MIB);
  const parent = await makeByQemu({ ...place, shape: below }, 'vpc', 'force_size=on', 'base');
  const path = await makeByQemu({ ...place, shape: above }, 'vpc', 'force_size=on');
  const id = (await readFile(parent)).subarray(68, 84);
  await writeFile(path, differencingVhd(await readFile(path), { id, relative: '.\\base.vpc' }));
  return path;
}

export async function makeVhdxChain(place: Place): Promise<string> {
  const { below, above } = layersOf(place.shape, MIB);
  const parent = await makeByQemu({ ...place, shape: below }, 'vhdx', 'block_size=1M', 'base');
  const path = await makeByQemu({ ...place, shape: above }, 'vhdx', 'block_size=1M');
  const values = { parent_linkage: dataWriteGuid(await readFile(parent)).text, relative_path: '.\\base.vhdx' };
  await writeFile(path, differencingVhdx(await readFile(path), values, new Map()));
  return path;
}

/** The descriptor stands in the file, with room behind it. */
export async function makeVmdkChain(place: Place): Promise<string> {
  const { below, above } = layersOf(place.shape, 65_536);
  const parent = await makeByQemu({ ...place, shape: below }, 'vmdk', '', 'base');
  const path = await makeByQemu({ ...place, shape: above }, 'vmdk');
  const [own, base] = [await descriptorOf(path), await descriptorOf(parent)];
  const parentCid = /^CID=(.*)$/m.exec(base)?.[1] ?? '';
  const text = own.replace('parentCID=ffffffff', `parentCID=${parentCid}\nparentFileNameHint="base.vmdk"`);
  await using file = await open(path, 'r+');
  await file.write(text.slice(0, own.length), 512, 'latin1');
  return path;
}

/** With the zeros that fill it up. */
async function descriptorOf(path: string): Promise<string> {
  await using file = await open(path);
  const { buffer } = await file.read(Buffer.alloc(20 * 512), 0, 20 * 512, 512);
  return buffer.toString('latin1');
}
