import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { OpenFile } from '../../../src/image/file/open-file.ts';
import { openImage } from '../../../src/image/open-image.ts';
import { FileOutput } from '../../../src/base/output/file-output.ts';
import { createSink } from '../../../src/image/create-sink.ts';
import { testUnless } from '../../oracles/skips.ts';
import { inFolder, noise } from '../qemu-made.ts';
import { readThroughMap, runsOf } from '../read-through-map.ts';

test('a raw disk is one run, and zeros fill its last sector', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'disk');
    await writeFile(path, noise(1025, 1));
    await using image = await openImage(path, { format: 'raw' });
    expect([image.format, image.virtualSizeBytes]).toEqual(['raw', 1536]);
    expect(await runsOf(image)).toEqual([
      { kind: 'data', offsetBytes: 0, lengthBytes: 1025, file: 0, fileOffsetBytes: 0 },
      { kind: 'zero', offsetBytes: 1025, lengthBytes: 511 },
    ]);
    expect(await readThroughMap(image)).toEqual(Buffer.concat([noise(1025, 1), Buffer.alloc(511)]));
    expect(await runsOf(image, 1030, 1040)).toEqual([{ kind: 'zero', offsetBytes: 1030, lengthBytes: 10 }]);
    expect(await runsOf(image, 700, 700)).toEqual([]);
    await expect(runsOf(image, 0, 1537)).rejects.toThrow(RangeError);
  });
});

test('a raw disk of no size has no runs', async () => {
  await inFolder(async (folder) => {
    await writeFile(join(folder, 'none'), '');
    await using image = await openImage(join(folder, 'none'), { format: 'raw' });
    expect([image.virtualSizeBytes, await runsOf(image)]).toEqual([0, []]);
  });
});

test('a format that is asked for is not looked for', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'disk.raw');
    await writeFile(path, Buffer.concat([Buffer.from('QFI\u{fb}', 'latin1'), Buffer.alloc(508)]));
    await using image = await openImage(path, { format: 'raw' });
    expect(image.format).toBe('raw');
    await expect(openImage(path)).rejects.toThrow(/cannot be read as qcow2: version 0/);
  });
});

test('of a raw disk whose written ranges are known the rest is zeros, and is not read', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'disk.raw');
    await writeFile(path, noise(4096, 1));
    const written = [
      { fromBytes: 512, toBytes: 1024 },
      { fromBytes: 2048, toBytes: 8192 },
    ];
    await using image = await openImage(path, { format: 'raw', written });
    expect(await runsOf(image)).toEqual([
      { kind: 'zero', offsetBytes: 0, lengthBytes: 512 },
      { kind: 'data', offsetBytes: 512, lengthBytes: 512, file: 0, fileOffsetBytes: 512 },
      { kind: 'zero', offsetBytes: 1024, lengthBytes: 1024 },
      { kind: 'data', offsetBytes: 2048, lengthBytes: 2048, file: 0, fileOffsetBytes: 2048 },
    ]);
    expect(await runsOf(image, 700, 1500)).toEqual([
      { kind: 'data', offsetBytes: 700, lengthBytes: 324, file: 0, fileOffsetBytes: 700 },
      { kind: 'zero', offsetBytes: 1024, lengthBytes: 476 },
    ]);
    expect(await runsOf(image, 1100, 1200)).toEqual([{ kind: 'zero', offsetBytes: 1100, lengthBytes: 100 }]);
  });
});

test('a raw sink records neighbouring windows as one range, and the last one to the end of the disk', async () => {
  await inFolder(async (folder) => {
    const sink = await createSink(
      await FileOutput.create(join(folder, 'disk.raw')),
      { format: 'raw' },
      { virtualSizeBytes: 7 * 4096 },
    );
    const bytes = noise(4096, 1);
    const cluster = { index: 0, at: 0, storedBytes: 4096, compressed: false };
    for (const number of [0, 1, 1, 4, 6]) {
      await sink.put({ offsetBytes: number * 4096, lengthBytes: 4096, clusters: [cluster], bytes, sha256: '' });
    }
    await sink.finish();
    expect(sink.written).toEqual([
      { fromBytes: 0, toBytes: 8192 },
      { fromBytes: 16_384, toBytes: 20_480 },
      { fromBytes: 24_576, toBytes: 28_672 },
    ]);
  });
});

test('a disk that is larger than a file can be leaves nothing', async () => {
  await inFolder(async (folder) => {
    const file = await FileOutput.create(join(folder, 'disk.raw'));
    await expect(createSink(file, { format: 'raw' }, { virtualSizeBytes: 2 ** 64 })).rejects.toThrow();
    expect(await readdir(folder)).toEqual([]);
  });
});

const DEVICE = readdirSync('/sys/class/block', { withFileTypes: true })
  .map(({ name }) => name)
  .find((name) => opens(`/dev/${name}`) && Number(readFileSync(`/sys/class/block/${name}/size`, 'utf8')) > 0);

testUnless(
  DEVICE === undefined ? { missing: 'a block device that this user may open' } : undefined,
  'a block device has the size that can be read',
  async () => {
    await using file = await OpenFile.open(`/dev/${DEVICE}`);
    expect(file.sizeBytes).toBeGreaterThan(0);
    expect((await file.read(file.sizeBytes - 512, 1024)).length).toBe(512);
  },
);

function opens(path: string): boolean {
  try {
    closeSync(openSync(path, 'r'));
    return true;
  } catch {
    return false;
  }
}
