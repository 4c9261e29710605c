import { closeSync, constants, openSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { pageAlignedMemory } from '../../../src/base/files/direct-io.ts';
import { copyImage } from '../../../src/image/copy/copy-image.ts';
import { readDirect } from '../../../src/image/copy/direct-read.ts';
import { WorkerPool } from '../../../src/image/copy/worker-pool.ts';
import { FileOutput } from '../../../src/base/output/file-output.ts';
import { createSink } from '../../../src/image/create-sink.ts';
import { OpenFile } from '../../../src/image/file/open-file.ts';
import { openImage } from '../../../src/image/open-image.ts';
import { inFolder, noise } from '../qemu-made.ts';

const MIB = 1024 * 1024;

/**
 * Creates a file with holes, and data in the middle and at its end. Its size is not a multiple of any block size.
 * Returns the size in bytes.
 */
async function writeFileWithHoles(path: string): Promise<number> {
  const sizeBytes = 9 * MIB + 12_345;
  await using file = await open(path, 'w');
  await file.write(noise(70_000, 1), 0, 70_000, 3 * MIB - 1000);
  await file.write(noise(5000, 2), 0, 5000, sizeBytes - 5000);
  return sizeBytes;
}

test('a disk with holes arrives whole, read past the page cache or not', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'disk.raw');
    const sizeBytes = await writeFileWithHoles(path);
    await using image = await openImage(path, { format: 'raw' });
    await using pool = new WorkerPool(1);
    const copied = join(folder, 'copy.raw');
    const { virtualSizeBytes } = image;
    const sink = await createSink(await FileOutput.create(copied), { format: 'raw' }, { virtualSizeBytes });
    const options = { pool, compression: undefined, verify: false, hash: false, signal: new AbortController().signal };
    await copyImage(image, sink, options);
    await sink.finish();
    const [expected, found] = await Promise.all([readFile(path), readFile(copied)]);
    expect(found.subarray(0, sizeBytes).equals(expected)).toBe(true);
    expect(found.subarray(sizeBytes).every((byte) => byte === 0)).toBe(true);
  });
});

test('a file without holes is left to the page cache', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'full');
    await using file = await open(path, 'w');
    await file.write(noise(8192, 3));
    await file.sync();
    await using opened = await OpenFile.open(path);
    expect(opened.directFd).toBeUndefined();
  });
});

test('what O_DIRECT cannot read is left to the usual way', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'holes');
    await writeFileWithHoles(path);
    const fd = openSync(path, constants.O_RDONLY);
    const target = Buffer.from(pageAlignedMemory(MIB));
    expect(readDirect(fd, 100, target)).toBe(0);
    expect(readDirect(fd, 0, target.subarray(0, 4000))).toBe(0);
    expect(readDirect(fd, 0, target.subarray(0, 5000))).toBe(4096);
    closeSync(fd);
    // An invalid file descriptor. The closed one might already be in use again.
    expect(readDirect(2 ** 30, 0, target)).toBe(0);
  });
});
