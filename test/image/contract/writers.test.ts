import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { copyImage } from '../../../src/image/copy/copy-image.ts';
import { WorkerPool } from '../../../src/image/copy/worker-pool.ts';
import { FileOutput } from '../../../src/base/output/file-output.ts';
import { createSink, requireSize } from '../../../src/image/create-sink.ts';
import { openImage } from '../../../src/image/open-image.ts';
import { copyInto, type CopyChoices } from '../copy-into.ts';
import { inFolder } from '../qemu-made.ts';
import { expectImage } from './expect-image.ts';
import { expectStream } from './expect-stream.ts';
import { openPieces, type Shape } from './pieces-image.ts';
import { SHAPES, hugeShape } from './shapes.ts';

const TIB = 2 ** 40;

/** Shared by all tests: starting threads takes longer than the work in these tests. */
const pool = new WorkerPool(2);
afterAll(() => pool[Symbol.asyncDispose]());

/** Every way in which a disk can be written. */
const WRITERS: Readonly<Record<string, CopyChoices>> = {
  qcow2: { format: 'qcow2' },
  'compressed qcow2': { format: 'qcow2', compression: 'fast' },
  'carefully compressed qcow2': { format: 'qcow2', compression: 'careful' },
  'qcow2 by zstd': { format: 'qcow2', compression: 'zstd' },
  'qcow2 with clusters of 512 bytes': { format: 'qcow2', compression: 'fast', clusterBytes: 512 },
  'qcow2 with clusters of 2 MiB': { format: 'qcow2', compression: 'fast', clusterBytes: 2 ** 21 },
  raw: { format: 'raw' },
  vmdk: { format: 'vmdk' },
};

async function expectWriter(choices: CopyChoices, shape: Shape): Promise<void> {
  await inFolder(async (folder) => {
    const path = join(folder, 'disk');
    await using source = await openPieces(join(folder, 'pieces'), shape);
    const sizeBytes = await copyInto(source, path, choices, pool);
    expect((await readdir(folder)).toSorted()).toEqual(['disk', 'pieces']);
    expect((await stat(path)).size).toBe(sizeBytes);
    await using image = await openImage(path, { format: choices.format });
    await expectImage(image, shape);
    if (choices.format === 'vmdk') await expectStream(path, shape, folder, pool);
  });
}

describe.each(Object.entries(WRITERS))('%s', (_name, choices) => {
  test.each(Object.entries(SHAPES))('a disk that is %s is read back as it was', async (_shape, shape) => {
    await expectWriter(choices, shape);
  });

  test('a disk that does not end at a sector’s border is filled up to one', async () => {
    await expectWriter(choices, { sizeBytes: 70_001, pieces: new Map([[69_000, Buffer.alloc(1001, 'z')]]) });
  });

  test('the same disk gives the same file', async () => {
    await inFolder(async (folder) => {
      const path = join(folder, 'disk');
      await using source = await openPieces(join(folder, 'pieces'), SHAPES['of an odd size']);
      await copyInto(source, path, choices, pool);
      const first = await readFile(path);
      // An existing file with this name is replaced.
      await copyInto(source, path, { ...choices, hash: true }, pool);
      expect((await readFile(path)).equals(first)).toBe(true);
    });
  });

  test('a disk that is discarded leaves nothing', async () => {
    await inFolder(async (folder) => {
      await using source = await openPieces(join(folder, 'pieces'), SHAPES.full);
      const { format, compression, clusterBytes, verify = true, hash = false, ...options } = choices;
      const { virtualSizeBytes } = source;
      const sink = await createSink(
        await FileOutput.create(join(folder, 'disk')),
        { format, compression, clusterBytes },
        { virtualSizeBytes, ...options },
      );
      await copyImage(source, sink, { pool, compression, verify, hash, signal: new AbortController().signal });
      await sink.discard();
      expect(await readdir(folder)).toEqual(['pieces']);
    });
  });
});

describe('huge disks', () => {
  const small = new Set(['qcow2 with clusters of 512 bytes', 'raw']);
  for (const [name, choices] of Object.entries(WRITERS).filter(([writer]) => !small.has(writer))) {
    test.each([2, 64])(`${name} of %i TiB`, async (tebibytes) => {
      await expectWriter(choices, hugeShape(tebibytes * TIB));
    });
  }

  test('raw of 2 TiB', async () => {
    await expectWriter({ format: 'raw' }, hugeShape());
  });
});

test.each([
  [{ format: 'vmdk' }, 64 * TIB + 512, /A VMDK cannot hold a disk of 70368744178176 bytes/],
  [{ format: 'vmdk' }, 0, /A VMDK cannot hold a disk of 0 bytes/],
  [{ format: 'qcow2', clusterBytes: 512 }, 2 * TIB, /Clusters of 512 bytes are too small/],
] as const)(
  '%j of %i bytes is refused before any work, and leaves nothing',
  async (encoding, virtualSizeBytes, message) => {
    const fault = expect.objectContaining({ kind: 'usage', message: expect.stringMatching(message) });
    expect(() => requireSize(encoding, virtualSizeBytes)).toThrow(fault);
    await inFolder(async (folder) => {
      const file = await FileOutput.create(join(folder, 'disk'));
      await expect(createSink(file, encoding, { virtualSizeBytes })).rejects.toEqual(fault);
      expect(await readdir(folder)).toEqual([]);
    });
  },
);

test.each(['qcow2', 'raw'] as const)('%s of no size is read back as one', async (format) => {
  await inFolder(async (folder) => {
    await using source = await openPieces(join(folder, 'pieces'), { sizeBytes: 0, pieces: new Map() });
    await copyInto(source, join(folder, 'disk'), { format }, pool);
    await using image = await openImage(join(folder, 'disk'), { format });
    expect(image.virtualSizeBytes).toBe(0);
  });
});

test('a folder that cannot be written is told before anything is read', async () => {
  await inFolder(async (folder) => {
    await writeFile(join(folder, 'file'), '');
    await expect(FileOutput.create(join(folder, 'file', 'disk'))).rejects.toMatchObject({ kind: 'local-file' });
  });
});
