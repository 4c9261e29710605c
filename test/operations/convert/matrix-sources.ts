import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buildCowd, buildSeSparse, descriptorText, type Grains } from '../../image/vmdk/sparse-builder.ts';
import type { OracleName } from '../../oracles/oracle.ts';
import { outputOf } from '../../oracles/run-program.ts';
import { rawFileContent } from '../../server/content-source.ts';
import { streamOptimized, type StreamOptimizedOptions } from '../../server/stream-optimized-writer.ts';
import { runConvert } from './convert-run.ts';
import { RESULTS, type MatrixResult } from './matrix-results.ts';

/** Where to create a source image, and from what. */
export interface SourcePlace {
  oracles: Record<OracleName, string>;
  folder: string;
  /** Path of the raw disk with the content. */
  raw: string;
  sizeBytes: number;
}

/** A way to create a source image. `make` returns the path of the file to convert. */
export interface MatrixSource {
  title: string;
  /** Tools that are needed in addition to qemu-img. */
  oracles: readonly OracleName[];
  make: (place: SourcePlace) => Promise<string>;
}

/** Images that qemu-img creates with `-O` and `-o`. If the options contain `-c`, the image is compressed. */
const BY_QEMU: readonly (readonly [title: string, format: string, options: string])[] = [
  ['raw', 'raw', ''],
  ['qcow2', 'qcow2', ''],
  ['qcow2 of version 2', 'qcow2', 'compat=0.10'],
  ['qcow2 of version 2, compressed', 'qcow2', '-c compat=0.10'],
  ['qcow2 with clusters of 512 bytes', 'qcow2', 'cluster_size=512'],
  ['qcow2 with clusters of 4 KiB', 'qcow2', 'cluster_size=4096'],
  ['qcow2 with clusters of 2 MiB', 'qcow2', 'cluster_size=2M'],
  ['qcow2 with subclusters', 'qcow2', 'extended_l2=on'],
  ['qcow2 with refcounts of 1 bit', 'qcow2', 'refcount_bits=1'],
  ['qcow2 with refcounts of 64 bits', 'qcow2', 'refcount_bits=64'],
  ['qcow2 with lazy refcounts', 'qcow2', 'lazy_refcounts=on'],
  ['qcow2 with its tables at the front', 'qcow2', 'preallocation=metadata'],
  ['qcow2, all of it allocated', 'qcow2', 'preallocation=full'],
  ['compressed qcow2', 'qcow2', '-c'],
  ['compressed qcow2 with clusters of 2 MiB', 'qcow2', '-c cluster_size=2M'],
  ['qcow2 compressed by zstd', 'qcow2', '-c compression_type=zstd'],
  ['VMDK monolithicSparse', 'vmdk', 'subformat=monolithicSparse'],
  ['VMDK monolithicSparse of version 6', 'vmdk', 'subformat=monolithicSparse,compat6=on'],
  ['VMDK monolithicSparse with grains of zeros', 'vmdk', 'subformat=monolithicSparse,zeroed_grain=on'],
  ['VMDK monolithicFlat', 'vmdk', 'subformat=monolithicFlat'],
  ['VMDK twoGbMaxExtentSparse', 'vmdk', 'subformat=twoGbMaxExtentSparse'],
  ['VMDK twoGbMaxExtentFlat', 'vmdk', 'subformat=twoGbMaxExtentFlat'],
  ['VMDK streamOptimized', 'vmdk', 'subformat=streamOptimized'],
  ['VHD dynamic', 'vpc', 'force_size=on'],
  ['VHD fixed', 'vpc', 'subformat=fixed,force_size=on'],
  ['VHDX dynamic', 'vhdx', ''],
  ['VHDX dynamic, with blocks of 1 MiB', 'vhdx', 'block_size=1M'],
  ['VHDX dynamic, blocks of zeros left out', 'vhdx', 'block_state_zero=off'],
  ['VHDX fixed', 'vhdx', 'subformat=fixed'],
  ['VDI', 'vdi', ''],
  ['VDI static', 'vdi', 'static=on'],
];

/** Converts a raw disk to an image with qemu-img. */
export async function makeByQemu(
  { oracles, folder, raw }: Pick<SourcePlace, 'folder' | 'raw'> & { oracles: Record<'qemu-img', string> },
  format: string,
  options: string,
): Promise<string> {
  const words = options.split(' ').filter(Boolean);
  const dashO = words.filter((word) => word !== '-c');
  const path = join(folder, `source.${format}`);
  const flags = [...(words.includes('-c') ? ['-c'] : []), ...(dashO.length > 0 ? ['-o', dashO.join(',')] : [])];
  await outputOf(oracles['qemu-img'], ['convert', '-f', 'raw', '-O', format, ...flags, raw, path]);
  return path;
}

/** Creates an overlay: the lower half of the disk is in the backing file, the rest in the overlay itself. */
async function makeChain({ oracles, folder, raw, sizeBytes }: SourcePlace, format: string): Promise<string> {
  const qemuImg = oracles['qemu-img'];
  const [lower, base, top] = ['lower.raw', `base.${format}`, `top.${format}`].map((name) => join(folder, name));
  const content = await readFile(raw);
  content.fill(0, sizeBytes / 2);
  await writeFile(lower ?? '', content);
  await outputOf(qemuImg, ['convert', '-f', 'raw', '-O', format, lower ?? '', base ?? '']);
  await outputOf(qemuImg, ['create', '-q', '-f', format, '-b', `base.${format}`, '-F', format, top ?? '']);
  const rebased = ['convert', '-f', 'raw', '-O', format, '-n', '-B', base ?? '', '-F', format, raw, top ?? ''];
  await outputOf(qemuImg, rebased);
  return top ?? '';
}

async function makeStream({ folder, raw, sizeBytes }: SourcePlace, options: StreamOptimizedOptions): Promise<string> {
  const path = join(folder, 'source.vmdk');
  await writeFile(path, Readable.from(streamOptimized(rawFileContent(raw, sizeBytes), options)));
  return path;
}

async function makeByVmdkStream({ oracles, folder, raw }: SourcePlace): Promise<string> {
  const path = join(folder, 'source.vmdk');
  const program = 'import sys, VMDKstream; VMDKstream.convert_to_stream(sys.argv[1], sys.argv[2])';
  await outputOf(oracles.vmdkstream, ['-c', program, raw, path]);
  return path;
}

/** Creates a disk as on VMFS: a descriptor, and an extent that `build` makes from the grains that are not zero. */
async function makeOfVmfs(
  { folder, raw, sizeBytes }: SourcePlace,
  type: string,
  grainBytes: number,
  build: (sectors: number, grains: Grains) => Buffer,
): Promise<string> {
  const content = await readFile(raw);
  const grains = new Map<number, Uint8Array>();
  for (let at = 0; at < sizeBytes; at += grainBytes) {
    const grain = content.subarray(at, at + grainBytes);
    if (grain.some((byte) => byte !== 0)) grains.set(at / grainBytes, grain);
  }
  await writeFile(join(folder, 'source-delta'), build(sizeBytes / 512, grains));
  const path = join(folder, 'source.vmdk');
  await writeFile(path, descriptorText({ extents: [`RW ${sizeBytes / 512} ${type} "source-delta"`] }));
  return path;
}

/** Creates the source with this program, to test that it reads what it writes. */
async function makeByConvert({ folder, raw }: SourcePlace, { options }: MatrixResult): Promise<string> {
  const path = join(folder, `source.${options.format}`);
  await runConvert({ source: raw, inputFormat: 'raw', output: path, ...options });
  return path;
}

const OTHERS: readonly MatrixSource[] = [
  { title: 'qcow2 on a backing file', oracles: [], make: (place) => makeChain(place, 'qcow2') },
  { title: 'VMDK on a parent', oracles: [], make: (place) => makeChain(place, 'vmdk') },
  {
    title: 'VMDK streamOptimized as a host sends it',
    oracles: [],
    make: (place) => makeStream(place, { lastGrain: 'padded' }),
  },
  {
    title: 'VMDK streamOptimized as a host sends it, the last grain cut',
    oracles: [],
    make: (place) => makeStream(place, { lastGrain: 'cut', compressionLevel: 9 }),
  },
  { title: 'VMDK streamOptimized by VMDKstream', oracles: ['vmdkstream'], make: makeByVmdkStream },
  {
    title: 'VMDK of VMFS, flat',
    oracles: [],
    make: (place) => makeOfVmfs(place, 'VMFS', place.sizeBytes, () => readFileSync(place.raw)),
  },
  { title: 'VMDK vmfsSparse', oracles: [], make: (place) => makeOfVmfs(place, 'VMFSSPARSE', 512, buildCowd) },
  { title: 'VMDK seSparse', oracles: [], make: (place) => makeOfVmfs(place, 'SESPARSE', 4096, buildSeSparse) },
];

/** All image formats and variants that this program reads. */
export const SOURCES: readonly MatrixSource[] = [
  ...BY_QEMU.map(([title, format, options]) => ({
    title: `${title} by qemu-img`,
    oracles: [],
    make: (place: SourcePlace) => makeByQemu(place, format, options),
  })),
  ...OTHERS,
  ...RESULTS.map((result) => ({
    title: `${result.title} by this program`,
    oracles: [],
    make: (place: SourcePlace) => makeByConvert(place, result),
  })),
];
