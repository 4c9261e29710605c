import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { openImage } from '../../../../src/image/open-image.ts';
import { GrainPlaces } from '../../../../src/image/vmdk/stream/grain-places.ts';
import { FileOutput } from '../../../../src/base/output/file-output.ts';
import { createStreamOptimizedSink } from '../../../../src/image/vmdk/stream/stream-optimized-sink.ts';
import { copyInto, type CopyChoices } from '../../copy-into.ts';
import { inFolder, noise } from '../../qemu-made.ts';
import { openPieces, type Shape } from '../../contract/pieces-image.ts';
import { readThroughMap } from '../../read-through-map.ts';
import { check } from '../check-bytes.ts';
import { buildStream, type Unit } from '../stream-builder.ts';

const MIB = 2 ** 20;
const GRAIN = 65_536;

/** 70 MiB and 7 sectors: three grain tables, of which the middle one is empty, and an incomplete last grain. */
const DISK: Shape = {
  sizeBytes: 70 * MIB + 7 * 512,
  pieces: new Map([
    [0, noise(200_000, 1)],
    [5 * MIB + 1000, Buffer.alloc(MIB, 'some text ')],
    [70 * MIB + 100, noise(2000, 3)],
  ]),
};

async function write(folder: string, shape: Shape, name: string, choices: Partial<CopyChoices> = {}): Promise<Buffer> {
  await using pieces = await openPieces(join(folder, 'pieces'), shape);
  await copyInto(pieces, join(folder, name), { format: 'vmdk', ...choices });
  return readFile(join(folder, name));
}

/** Copies a stream into a new VMDK, and returns the bytes of the copy. */
async function copyOf(folder: string, stream: Buffer, choices: Partial<CopyChoices> = {}): Promise<Buffer> {
  await writeFile(join(folder, 'source.vmdk'), stream);
  await using image = await openImage(join(folder, 'source.vmdk'));
  await copyInto(image, join(folder, 'copy.vmdk'), { format: 'vmdk', fileName: 'disk.vmdk', ...choices });
  return readFile(join(folder, 'copy.vmdk'));
}

test('the stream is whole, in VMware’s layout, and has only the grains that are not zero', async () => {
  await inFolder(async (folder) => {
    const stream = await write(folder, DISK, 'disk.vmdk');
    expect(check(stream)).toMatchObject({
      capacityBytes: DISK.sizeBytes,
      grainSizeBytes: GRAIN,
      // 4 grains of noise, 17 of text that does not start on a grain boundary, and the last grain.
      grainCount: 22,
      sizeBytes: stream.length,
      tablesCompared: true,
      descriptor: { createType: 'streamOptimized', parentCid: 'ffffffff' },
    });
    expect(stream.readBigUInt64LE(56)).toBe(2n ** 64n - 1n);
    const footer = stream.subarray(-1024, -512);
    expect([footer.toString('latin1', 0, 4), stream.readUInt32LE(stream.length - 1536 + 12)]).toEqual(['KDMV', 3]);
    const directory = Number(footer.readBigUInt64LE(56)) * 512;
    expect([0, 4, 8].map((at) => stream.readUInt32LE(directory + at) > 0)).toEqual([true, false, true]);
    expect(stream.subarray(-512).every((byte) => byte === 0)).toBe(true);
  });
});

test('the last grain is whole, with zeros behind the end of the disk', async () => {
  await inFolder(async (folder) => {
    const stream = await write(folder, { sizeBytes: 512, pieces: new Map([[0, Buffer.from('x')]]) }, 'disk.vmdk');
    const zlib = stream.subarray(GRAIN + 12, GRAIN + 12 + stream.readUInt32LE(GRAIN + 8));
    expect(zlib.equals(deflateSync(Buffer.concat([Buffer.from('x')], GRAIN), { level: 1 }))).toBe(true);
  });
});

test('the same disk gives the same bytes, and its content ID is that of its content', async () => {
  await inFolder(async (folder) => {
    const first = await write(folder, DISK, 'disk.vmdk');
    expect((await write(folder, DISK, 'disk.vmdk', { hash: true })).equals(first)).toBe(true);
    const cid = check(first).descriptor?.cid;
    expect(cid).toMatch(/^[0-9a-f]{8}$/);
    const cidOf = async (shape: Shape) => check(await write(folder, shape, 'other.vmdk')).descriptor?.cid;
    expect(await cidOf(DISK)).toBe(cid);
    expect(await cidOf({ ...DISK, sizeBytes: DISK.sizeBytes + 512 })).not.toBe(cid);
    expect(await cidOf({ ...DISK, pieces: new Map([[GRAIN, noise(10, 1)]]) })).not.toBe(
      await cidOf({ ...DISK, pieces: new Map([[2 * GRAIN, noise(10, 1)]]) }),
    );
    // The same disk, from grains with another compression.
    const slow = buildStream(32, new Map([[0, Buffer.alloc(GRAIN, 'abc')]]));
    const own = await write(
      folder,
      { sizeBytes: 32 * 512, pieces: new Map([[0, Buffer.alloc(32 * 512, 'abc')]]) },
      'a',
    );
    expect(check(await copyOf(folder, slow)).descriptor?.cid).toBe(check(own).descriptor?.cid);
  });
});

test.each([
  ['its grains inflated', {}],
  ['nothing inflated', { verify: false }],
  ['its content hashed', { hash: true }],
])('grains of another stream move over as they are, with %s', async (_title, choices) => {
  await inFolder(async (folder) => {
    // Level 9, level 0 (longer than its content), and zeros at both levels.
    const packed = (content: Buffer, level: number) => deflateSync(content, { level });
    const grains = new Map<number, [Buffer, number]>([
      [0, [Buffer.alloc(GRAIN, 'some text '), 9]],
      [2, [noise(GRAIN, 1), 0]],
      [3, [Buffer.alloc(GRAIN), 0]],
      [4, [Buffer.alloc(GRAIN), 9]],
      [33, [Buffer.alloc(GRAIN, 'x'), 9]],
    ]);
    const units = (list: Unit[]): Unit[] =>
      list.map((unit) => {
        if (unit.kind !== 'grain') return unit;
        const [content, level] = grains.get(unit.sector / 128) ?? [Buffer.alloc(GRAIN), 1];
        return { ...unit, data: packed(content, level) };
      });
    const contents = new Map([...grains].map(([grain, [content]]) => [grain, content]));
    const copy = await copyOf(folder, buildStream(40 * 128, contents, { units }), choices);
    let at = GRAIN;
    for (const grain of [0, 2, 33]) {
      const [content, level] = grains.get(grain) ?? [Buffer.alloc(0), 0];
      const zlib = packed(content, level);
      expect([copy.readBigUInt64LE(at), copy.readUInt32LE(at + 8)]).toEqual([BigInt(grain * 128), zlib.length]);
      expect(copy.subarray(at + 12, at + 12 + zlib.length).equals(zlib)).toBe(true);
      at += Math.ceil((12 + zlib.length) / 512) * 512;
    }
    expect(check(copy).grainCount).toBe(3);
  });
});

test('grains that come packed out of order stand in the order of the disk', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'disk.vmdk');
    const sink = createStreamOptimizedSink(await FileOutput.create(path), {
      virtualSizeBytes: 3 * GRAIN,
      fileName: 'disk.vmdk',
    });
    const stored = (index: number): Buffer => {
      const zlib = deflateSync(Buffer.alloc(GRAIN, index + 1));
      const grain = Buffer.alloc(512);
      grain.writeUInt32LE(index * 128, 0);
      grain.writeUInt32LE(zlib.length, 8);
      zlib.copy(grain, 12);
      return grain;
    };
    const order = [0, 2, 1];
    await sink.put({
      offsetBytes: 0,
      lengthBytes: 3 * GRAIN,
      clusters: order.map((index, number) => ({ index, at: number * 512, storedBytes: 512, compressed: true })),
      bytes: Buffer.concat(order.map(stored)),
      sha256: '',
    });
    const { sizeBytes } = await sink.finish();
    expect(sizeBytes).toBe((await stat(path)).size);
    expect(check(await readFile(path)).grainCount).toBe(3);
    await using image = await openImage(path);
    const wanted = Buffer.concat([1, 2, 3].map((byte) => Buffer.alloc(GRAIN, byte)));
    expect((await readThroughMap(image)).equals(wanted)).toBe(true);
  });
});

test('a file name with a line end cannot write lines of the descriptor', async () => {
  await inFolder(async (folder) => {
    const text = async (fileName: string) =>
      check(await write(folder, { sizeBytes: 512, pieces: new Map() }, 'disk', { fileName })).descriptor?.text;
    expect(await text('a "disk" ünd.vmdk')).toContain('RDONLY 1 SPARSE "a "disk" ünd.vmdk"\n');
    expect(await text('a"\nCID=1')).toContain('RDONLY 1 SPARSE "disk.vmdk"\n');
  });
});

test('a grain or a table behind 2 TiB of the file is refused, and the last sector before is not', () => {
  const places = new GrainPlaces('disk.vmdk', 2 ** 37);
  places.set(0, 2 ** 32 - 1);
  const fault = { kind: 'image', message: expect.stringContaining('disk.vmdk would grow beyond') };
  expect(() => places.set(1, 2 ** 32)).toThrow(expect.objectContaining(fault));
  expect(() => places.takeTable(2 ** 32)).toThrow(expect.objectContaining(fault));
  expect(places.takeTable(5)?.readUInt32LE(0)).toBe(2 ** 32 - 1);
  // The directory of a 64 TiB disk.
  expect([places.directory.length, places.directory.readUInt32LE(0)]).toEqual([8 * MIB, 5]);
});
