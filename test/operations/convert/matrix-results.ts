import { expect } from '@jest/globals';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { SinkFormat } from '../../../src/image/model/encoding.ts';
import type { EncodeChoices } from '../../../src/operations/encode-options.ts';
import type { OracleName } from '../../oracles/oracle.ts';
import { outputOf } from '../../oracles/run-program.ts';
import { qemu } from './convert-run.ts';

const MiB = 1 << 20;

/** An output format with its options, and the readers that support it in addition to qemu-img. 7-Zip and libqcow do not support zstd. */
export interface MatrixResult {
  title: string;
  options: EncodeChoices<SinkFormat>;
  readers: readonly ReaderName[];
}

/** To test another output format, add a line here. It is then combined with every source and read by its readers. */
export const RESULTS: readonly MatrixResult[] = [
  { title: 'qcow2', options: { format: 'qcow2' }, readers: ['nbd', '7zz', 'libqcow'] },
  {
    title: 'compressed qcow2',
    options: { format: 'qcow2', compression: 'fast' },
    readers: ['nbd', '7zz', 'libqcow'],
  },
  {
    title: 'carefully compressed qcow2',
    options: { format: 'qcow2', compression: 'careful' },
    readers: ['nbd', '7zz', 'libqcow'],
  },
  { title: 'qcow2 by zstd', options: { format: 'qcow2', compression: 'zstd' }, readers: ['nbd'] },
  {
    title: 'qcow2 with clusters of 4 KiB',
    options: { format: 'qcow2', clusterBytes: 4096 },
    readers: ['nbd', '7zz', 'libqcow'],
  },
  {
    title: 'compressed qcow2 with clusters of 512 bytes',
    options: { format: 'qcow2', compression: 'fast', clusterBytes: 512 },
    readers: ['nbd', '7zz', 'libqcow'],
  },
  {
    title: 'compressed qcow2 with clusters of 2 MiB',
    options: { format: 'qcow2', compression: 'fast', clusterBytes: 2 * MiB },
    readers: ['nbd', '7zz', 'libqcow'],
  },
  { title: 'raw', options: { format: 'raw' }, readers: [] },
  { title: 'VMDK streamOptimized', options: { format: 'vmdk' }, readers: ['7zz', 'libvmdk'] },
];

/** Formats for which `qemu-img check` has checks. */
const CHECKED_FORMATS = new Set(['qcow2', 'vmdk']);

/**
 * Expects that `qemu-img check` finds no errors in `result`, and that `result` equals the raw disk `content`.
 * `range` limits the comparison: qemu-img compares a VMDK grain by grain, which takes 40 s of CPU time for an empty disk of 2 TiB.
 */
export async function expectSame(
  qemuImg: string,
  content: string,
  result: string,
  format: string,
  range?: { offsetBytes: number; lengthBytes: number },
): Promise<void> {
  if (CHECKED_FORMATS.has(format)) {
    expect(await qemu(qemuImg, 'check', '-f', format, result)).toMatch(/^No errors were found/);
  }
  const part = (path: string, driver: string): string =>
    `driver=raw,offset=${range?.offsetBytes},size=${range?.lengthBytes},file.driver=${driver},file.file.filename=${path}`;
  const images =
    range === undefined
      ? ['-f', 'raw', '-F', format, content, result]
      : ['--image-opts', part(content, 'raw'), part(result, format)];
  const compared = await qemu(qemuImg, 'compare', ...images);
  expect(compared).toBe('Images are identical.\n');
}

/** Returns the SHA-256 of a file's content. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

const HASH_BY_LIBQCOW = `
import hashlib, pyqcow, sys
image = pyqcow.file()
image.open(sys.argv[1])
left, digest = image.get_media_size(), hashlib.sha256()
while left > 0:
    piece = image.read_buffer(min(left, 1 << 20))
    digest.update(piece)
    left -= len(piece)
print(digest.hexdigest())
`;

/** libvmdk finds the extent by its name in the descriptor. */
const HASH_BY_LIBVMDK = `
import hashlib, pyvmdk, sys
image = pyvmdk.handle()
image.open(sys.argv[1])
image.open_extent_data_files()
left, digest = image.get_media_size(), hashlib.sha256()
while left > 0:
    piece = image.read_buffer(min(left, 1 << 20))
    digest.update(piece)
    left -= len(piece)
print(digest.hexdigest())
`;

export type ReaderName = 'nbd' | '7zz' | 'libqcow' | 'libvmdk';

interface Reader {
  oracles: readonly OracleName[];
  /** Returns the SHA-256 of the whole disk in the image at `path`, as this reader sees it. Temporary files go to `folder`. */
  hash: (oracles: Record<OracleName, string>, path: string, folder: string) => Promise<string>;
}

/** Readers that share no code with qemu-img. The exception is `nbd`: libnbd reads from QEMU's own server. */
export const READERS: Readonly<Record<ReaderName, Reader>> = {
  nbd: {
    oracles: ['qemu-nbd', 'nbdcopy'],
    hash: async (oracles, path, folder) => {
      const copy = join(folder, 'by-nbd.raw');
      // nbdcopy starts the server between the brackets with a socket of its own, and ends it.
      const server = ['[', oracles['qemu-nbd'], '--read-only', `--image-opts`, `driver=qcow2,file.filename=${path}`];
      await outputOf(oracles.nbdcopy, ['--', ...server, ']', copy]);
      return sha256Of(copy);
    },
  },
  '7zz': {
    oracles: ['7zz'],
    hash: async (oracles, path, folder) => {
      const unpacked = join(folder, 'by-7zz');
      await outputOf(oracles['7zz'], ['x', '-y', `-o${unpacked}`, path]);
      const [name = '', ...others] = await readdir(unpacked);
      expect(others).toEqual([]);
      const hash = await sha256Of(join(unpacked, name));
      await rm(unpacked, { recursive: true });
      return hash;
    },
  },
  libqcow: {
    oracles: ['libqcow'],
    hash: async (oracles, path) => (await outputOf(oracles.libqcow, ['-c', HASH_BY_LIBQCOW, path])).trim(),
  },
  libvmdk: {
    oracles: ['libvmdk'],
    hash: async (oracles, path) => (await outputOf(oracles.libvmdk, ['-c', HASH_BY_LIBVMDK, path])).trim(),
  },
};
