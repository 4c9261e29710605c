import { createHash } from 'node:crypto';
import { open, truncate, writeFile } from 'node:fs/promises';
import type { ImageFormat } from '../../src/image/model/image.ts';
import { outputOf } from '../oracles/run-program.ts';

/** Returns incompressible bytes. They depend only on the seed. */
export function noise(lengthBytes: number, seed: number): Buffer {
  return createHash('shake256', { outputLength: lengthBytes }).update(`${seed}`).digest();
}

/** Writes a raw disk of `sizeBytes` that contains `pieces` at their offsets. */
export async function writeDisk(path: string, sizeBytes: number, pieces: ReadonlyMap<number, Buffer>): Promise<void> {
  await writeFile(path, '');
  await truncate(path, sizeBytes);
  await using file = await open(path, 'r+');
  for (const [at, bytes] of pieces) await file.write(bytes, 0, bytes.length, at);
}

/** Converts a raw disk with `qemu-img`. `options` are values of `-o`, and `flags` come before them. */
export async function convertDisk(
  qemuImg: string,
  [raw, path]: readonly [string, string],
  format: ImageFormat,
  { options = '', flags = [] }: { options?: string; flags?: readonly string[] } = {},
): Promise<void> {
  const option = options === '' ? [] : ['-o', options];
  await outputOf(qemuImg, ['convert', '-f', 'raw', '-O', format, ...flags, ...option, raw, path]);
}
