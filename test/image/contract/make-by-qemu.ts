import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { outputOf } from '../../oracles/run-program.ts';
import { writeDisk } from '../make-disk.ts';
import { differencingVhd } from '../vhd/vhd-files.ts';
import { dataWriteGuid, differencingVhdx } from '../vhdx/vhdx-files.ts';
import { layersOf } from './layers.ts';
import type { Shape } from './pieces-image.ts';

const MIB = 2 ** 20;
/** A disk of this size or more cannot be a single file on a test machine: ext4's limit is 16 TiB. */
const NO_FILE_BYTES = 16 * 2 ** 40;

/** Where to create an image, and its content. */
export interface Place {
  folder: string;
  shape: Shape;
  /** Empty for a kind that does not need qemu-img. */
  qemuImg: string;
}

/**
 * Creates an image with qemu-img. `format` is the value of `-O`. Each word of `options` is a value of `-o`, except
 * `-c`, which compresses. A disk that is too large for a raw source file is created empty, and its pieces are written
 * into it.
 */
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

/** qemu-img creates the child without a parent, and the parent is set afterwards. The functions below do the same. */
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

/** The descriptor is embedded, and there is free space after it. */
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

/** Returns the descriptor with its zero padding. */
async function descriptorOf(path: string): Promise<string> {
  await using file = await open(path);
  const { buffer } = await file.read(Buffer.alloc(20 * 512), 0, 20 * 512, 512);
  return buffer.toString('latin1');
}
