import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { expect } from '@jest/globals';
import type { ImageFormat } from '../../src/image/model/image.ts';
import { openImage } from '../../src/image/open-image.ts';
import { outputOf } from '../oracles/run-program.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import { hashThroughMap } from './read-through-map.ts';

export { convertDisk, noise, writeDisk } from './make-disk.ts';

/** Runs `use` with a new folder, and removes the folder afterwards. */
export async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await makeTemporaryFolder('h2k-image-');
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Converts an image to raw with `qemu-img`, and returns its size and the hash of its content. */
async function throughQemu(qemuImg: string, path: string, format: ImageFormat) {
  const raw = `${path}.out`;
  await outputOf(qemuImg, ['convert', '-f', format, '-O', 'raw', path, raw]);
  const content = await readFile(raw);
  await rm(raw);
  return { sizeBytes: content.length, hash: createHash('sha256').update(content).digest('hex') };
}

/** Expects that the reader is selected from the content, and that it reads the same as `qemu-img`. */
export async function expectAsQemuReads(qemuImg: string, path: string, format: ImageFormat): Promise<void> {
  await using image = await openImage(path);
  expect([path, image.format]).toEqual([path, format]);
  const hash = await hashThroughMap(image);
  expect({ path, sizeBytes: image.virtualSizeBytes, hash }).toEqual({
    path,
    ...(await throughQemu(qemuImg, path, format)),
  });
}

/** Changes the file at `path` in place. */
export async function patch(path: string, change: (bytes: Buffer) => unknown): Promise<void> {
  const bytes = await readFile(path);
  change(bytes);
  await writeFile(path, bytes);
}
