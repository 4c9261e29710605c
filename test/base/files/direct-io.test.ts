import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { FileWriter, openDirect, pageAlignedMemory } from '../../../src/base/files/direct-io.ts';
import { inFolder, noise } from '../../image/qemu-made.ts';

const MIB = 1024 * 1024;

function alignedNoise(lengthBytes: number, seed: number): Buffer {
  const bytes = Buffer.from(pageAlignedMemory(lengthBytes)).subarray(0, lengthBytes);
  noise(lengthBytes, seed).copy(bytes);
  return bytes;
}

test('pieces of any size, place and memory arrive as they were given, several at once', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'out');
    await using handle = await open(path, 'wx');
    const pieces: [number, Buffer][] = [
      [0, alignedNoise(MIB, 1)],
      // Not a multiple of the page size: the remainder is written through the page cache.
      [MIB, alignedNoise(MIB + 1234, 2)],
      // Aligned to a page neither in memory nor in the file.
      [3 * MIB + 7, alignedNoise(MIB, 3).subarray(5)],
      [6 * MIB, alignedNoise(100, 4)],
      [7 * MIB, noise(MIB, 5)],
      [9 * MIB, alignedNoise(2 * MIB, 6)],
    ];
    const expected = Buffer.alloc(11 * MIB);
    for (const [at, bytes] of pieces) bytes.copy(expected, at);
    {
      await using writer = new FileWriter(handle);
      await Promise.all(pieces.map(([at, bytes]) => writer.write(bytes, at)));
    }
    expect((await readFile(path)).equals(expected)).toBe(true);
  });
});

test('where there is no way past the page cache, all goes through it', async () => {
  await inFolder(async (folder) => {
    // The kernel refuses unaligned memory. A file system that accepts the flag but not direct writes fails in the same
    // way.
    const path = join(folder, 'out');
    await using handle = await open(path, 'wx');
    await using writer = new FileWriter(handle);
    const memory = Buffer.from(new SharedArrayBuffer(2 * MIB));
    noise(2 * MIB, 7).copy(memory);
    await writer.write(memory, 0);
    await writer.write(alignedNoise(MIB, 8), 2 * MIB);
    expect((await readFile(path)).equals(Buffer.concat([noise(2 * MIB, 7), noise(MIB, 8)]))).toBe(true);
  });
});

test('a device that knows no such way is said to have none', async () => {
  await using handle = await open('/dev/null', 'w');
  expect(await openDirect(handle, 'write')).toBeUndefined();
});

test('a full disk is the system’s own error', async () => {
  await using handle = await open('/dev/full', 'w');
  await using writer = new FileWriter(handle);
  await expect(writer.write(alignedNoise(MIB, 9), 0)).rejects.toMatchObject({ code: 'ENOSPC' });
});
