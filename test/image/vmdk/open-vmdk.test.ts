import { rename, symlink, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import { readThroughMap, runsOf } from '../read-through-map.ts';
import { noise } from './check-bytes.ts';
import { DiskFolder } from './disk-folder.ts';
import { buildCowd, buildHosted, buildSeSparse, descriptorText, type Grains } from './sparse-builder.ts';
import { buildStream } from './stream-builder.ts';

const SECTOR = 512;
/** 20 MiB and one sector: the last grain is incomplete, and there are several tables of each kind. */
const SECTORS = 40_961;
const GRAIN = 4096;
const GRAINS: Grains = new Map<number, Uint8Array | 'zero'>([
  [0, noise(GRAIN, 1)],
  [1, noise(GRAIN, 2)],
  [3, 'zero'],
  [2, noise(GRAIN, 3)],
  [5000, noise(GRAIN, 4)],
  [5120, noise(SECTOR, 5)],
]);

/** Returns the expected content of a disk with these grains and the parent `below`. */
function contentOf(grains: Grains, grainBytes: number, sectors: number, below?: Buffer): Buffer {
  const disk = Buffer.alloc(sectors * SECTOR);
  below?.copy(disk);
  for (const [grain, content] of grains) {
    const at = grain * grainBytes;
    if (typeof content === 'string') disk.fill(0, at, at + grainBytes);
    else disk.set(content.subarray(0, disk.length - at), at);
  }
  return disk;
}

const SPARSE_DISK = descriptorText({
  createType: 'monolithicSparse',
  extents: [`RW ${SECTORS} SPARSE "old name.vmdk"`],
});

test('a sparse file that was renamed is the whole disk still', async () => {
  await using folder = await DiskFolder.with({ 'disk.vmdk': buildHosted(SECTORS, GRAINS, SPARSE_DISK) });
  await using image = await folder.open();
  expect([image.format, image.variant, image.checksummed]).toEqual(['vmdk', 'monolithicSparse', false]);
  expect((await readThroughMap(image)).equals(contentOf(GRAINS, GRAIN, SECTORS))).toBe(true);
});

test('what a reader need not know of is read over: version 3 (change tracking), an unclean shutdown, a redundant directory', async () => {
  const file = buildHosted(SECTORS, GRAINS, SPARSE_DISK, (bytes) => {
    bytes.writeUInt32LE(3, 4);
    bytes.writeUInt32LE(0b111, 8);
    bytes.writeBigUInt64LE(2n ** 40n, 48);
    bytes[72] = 1;
  });
  await using folder = await DiskFolder.with({ 'disk.vmdk': file });
  await using image = await folder.open();
  expect((await readThroughMap(image)).equals(contentOf(GRAINS, GRAIN, SECTORS))).toBe(true);
});

test('two walks through one image at once do not disturb each other', async () => {
  await using folder = await DiskFolder.with({ 'disk.vmdk': buildHosted(SECTORS, GRAINS, SPARSE_DISK) });
  await using image = await folder.open();
  const [first, second] = await Promise.all([runsOf(image), runsOf(image)]);
  expect(first).toEqual(second);
});

test('runs of neighbours in place and kind are one, across grains and tables', async () => {
  const grains = new Map(Array.from({ length: 1500 }, (_, grain) => [grain, Buffer.alloc(GRAIN, 1)]));
  await using folder = await DiskFolder.with({ 'disk.vmdk': buildHosted(SECTORS, grains, SPARSE_DISK) });
  await using image = await folder.open();
  const [data, zeros] = await runsOf(image);
  expect(data).toMatchObject({ kind: 'data', file: 0, offsetBytes: 0, lengthBytes: 1500 * GRAIN });
  expect(zeros).toEqual({ kind: 'zero', offsetBytes: 1500 * GRAIN, lengthBytes: SECTORS * SECTOR - 1500 * GRAIN });
  const inside = await runsOf(image, 5000, 5001);
  expect(inside).toEqual([{ ...data, offsetBytes: 5000, lengthBytes: 1, fileOffsetBytes: expect.any(Number) }]);
});

test('a stream of VMware’s layout is found by its footer, behind which zeros may come', async () => {
  const grains = new Map([
    [0, noise(65_536, 1)],
    [1, Buffer.alloc(65_536, 'text ')],
    [600, noise(65_536, 2)],
  ]);
  const sectors = 40 * 2048 + 8;
  for (const tail of [0, 512, 300_000]) {
    const stream = buildStream(sectors, grains, { tail: Buffer.alloc(tail) });
    await using folder = await DiskFolder.with({ 'disk.vmdk': stream });
    await using image = await folder.open();
    expect([image.variant, image.checksummed]).toEqual(['streamOptimized', true]);
    expect((await readThroughMap(image)).equals(contentOf(grains, 65_536, sectors))).toBe(true);
  }
});

test('the bound of a compressed grain ends where the next one starts, and never beyond zlib’s own', async () => {
  const grains = new Map([
    [7, Buffer.alloc(65_536, 'a')],
    [9, noise(65_536, 1)],
  ]);
  await using folder = await DiskFolder.with({ 'disk.vmdk': buildStream(4096, grains) });
  await using image = await folder.open();
  const compressed = (await runsOf(image)).filter((run) => run.kind === 'compressed');
  expect(compressed).toMatchObject([
    { fileOffsetBytes: 65_548, storedBytes: 500, exact: false, clusterBytes: 65_536, markerSector: 7 * 128 },
    { fileOffsetBytes: 66_060, clusterBytes: 65_536, markerSector: 9 * 128 },
  ]);
  expect(compressed[1]?.storedBytes).toBeLessThanOrEqual(74_763);
});

test('extents of every kind stand one after the other, flat ones from their place in the file', async () => {
  const flat = noise(20 * SECTOR, 9);
  await using folder = await DiskFolder.with({
    'disk.vmdk': descriptorText({
      createType: 'custom',
      extents: [
        'RW 10 FLAT "a flat \'file\'.bin" 3',
        'RW 5 ZERO',
        `RW ${SECTORS} SPARSE "part.vmdk"`,
        'RDONLY 4 VMFS "a flat \'file\'.bin"',
        `RW 99 VMFSSPARSE "sub/cowd"`,
      ],
    }).replaceAll('\n', '\r\n'),
    "a flat 'file'.bin": flat,
    'part.vmdk': buildHosted(SECTORS, GRAINS),
    'sub/cowd': buildCowd(99, new Map([[98, noise(SECTOR, 3)]])),
  });
  await using image = await folder.open();
  const expected = Buffer.concat([
    flat.subarray(3 * SECTOR, 13 * SECTOR),
    Buffer.alloc(5 * SECTOR),
    contentOf(GRAINS, GRAIN, SECTORS),
    flat.subarray(0, 4 * SECTOR),
    Buffer.alloc(98 * SECTOR),
    noise(SECTOR, 3),
  ]);
  expect(image.files.length).toBe(3);
  expect((await readThroughMap(image)).equals(expected)).toBe(true);
  expect((await readThroughMap(image, 5000, 8000)).equals(expected.subarray(5000, 8000))).toBe(true);
});

/** A file name: its bytes on the disk, and its bytes in the descriptor. */
const NAMES: [string, string, string, string][] = [
  ['quotes and spaces', 'UTF-8', 'my "big" disk.bin', 'my "big" disk.bin'],
  [
    'UTF-8',
    'UTF-8',
    Buffer.from('größe-ディスク.bin').toString('latin1'),
    Buffer.from('größe-ディスク.bin').toString('latin1'),
  ],
  ['windows-1252 that was kept', 'windows-1252', 'gr\u00f6\u00dfe.bin', 'gr\u00f6\u00dfe.bin'],
  [
    'windows-1252 that became UTF-8',
    'windows-1252',
    Buffer.from('größe€.bin').toString('latin1'),
    'gr\u00f6\u00dfe\u0080.bin',
  ],
  ['Shift_JIS that became UTF-8', 'Shift_JIS', Buffer.from('表.bin').toString('latin1'), '\u0095\\.bin'],
  ['an encoding that nobody knows', 'x-none', 'gr\u00f6\u00dfe.bin', 'gr\u00f6\u00dfe.bin'],
];

test.each(NAMES)('a file name is found: %s', async (_what, encoding, onDisk, inDescriptor) => {
  const text = descriptorText({ encoding, extents: [`RW 4 FLAT "${inDescriptor}" 0`] });
  await using folder = await DiskFolder.with({ 'disk.vmdk': text, 'plain.bin': noise(4 * SECTOR, 4) });
  await rename(folder.at('plain.bin'), Buffer.concat([Buffer.from(`${folder.path}/`), Buffer.from(onDisk, 'latin1')]));
  await using image = await folder.open();
  expect((await readThroughMap(image)).equals(noise(4 * SECTOR, 4))).toBe(true);
});

test('a chain answers from the youngest disk that holds a grain', async () => {
  const [base, middle, top] = [Buffer.alloc(SECTORS * SECTOR, noise(9999, 1)), noise(SECTOR, 2), noise(GRAIN, 3)];
  const cowd: Grains = new Map([
    [0, middle],
    [8, middle],
    [40_960, middle],
  ]);
  const se: Grains = new Map<number, Uint8Array | 'zero' | 'unmapped'>([
    [1, top],
    [2, 'zero'],
    [4097, 'unmapped'],
    [4098, top],
  ]);
  await using folder = await DiskFolder.with({
    'disk.vmdk': descriptorText({
      createType: 'vmfs',
      cid: '00000001',
      extents: [`RW ${SECTORS} VMFS "disk-flat.vmdk"`],
    }),
    'disk-flat.vmdk': base,
    'disk-000001.vmdk': descriptorText({
      createType: 'vmfsSparse',
      cid: '00000002',
      parentCid: '00000001',
      parentName: 'disk.vmdk',
      extents: [`RW ${SECTORS} VMFSSPARSE "disk-000001-delta.vmdk"`],
    }),
    'disk-000001-delta.vmdk': buildCowd(SECTORS, cowd),
    'disk-000002.vmdk': descriptorText({
      createType: 'seSparse',
      cid: '00000003',
      parentCid: '00000002',
      parentName: 'disk-000001.vmdk',
      extents: [`RW ${SECTORS} SESPARSE "disk-000002-sesparse.vmdk"`],
    }),
    'disk-000002-sesparse.vmdk': buildSeSparse(SECTORS, se),
  });
  await using image = await folder.open('disk-000002.vmdk');
  const expected = contentOf(se, GRAIN, SECTORS, contentOf(cowd, SECTOR, SECTORS, base));
  expect([image.variant, image.virtualSizeBytes, image.files.length]).toEqual(['seSparse', SECTORS * SECTOR, 3]);
  expect((await readThroughMap(image)).equals(expected)).toBe(true);
  expect((await readThroughMap(image, 300, 9000)).equals(expected.subarray(300, 9000))).toBe(true);
  expect(image.checksummed).toBe(false);
});

test.each(['C:\\VMs\\base.vmdk', 'D:/VMs/base.vmdk', '\\\\server\\share\\base.vmdk', '..\\VM 1\\base.vmdk'])(
  'a parent with the Windows path %s is looked for beside its child',
  async (parentName) => {
    const extents = ['RW 8 ZERO'];
    await using folder = await DiskFolder.with({
      'child.vmdk': descriptorText({ cid: '2', parentCid: '00000001', parentName, extents }),
      'base.vmdk': descriptorText({ cid: '1', extents: ['RW 8 FLAT "base-flat.vmdk" 0'] }),
      'base-flat.vmdk': noise(8 * SECTOR, 1),
    });
    await using image = await folder.open('child.vmdk');
    expect(image.files.map(({ path }) => path)).toEqual([expect.stringMatching(/base-flat\.vmdk$/)]);
    await folder.write('base.vmdk', descriptorText({ cid: '3', extents }));
    await expect(folder.open('child.vmdk')).rejects.toThrow(/has the CID 00000003/);
  },
);

test('a hosted child hides its parent with a zeroed grain, and reads as zeros beyond a smaller one', async () => {
  const child = descriptorText({
    createType: 'monolithicSparse',
    cid: '00000002',
    parentCid: '00000001',
    parentName: 'base.vmdk',
    extents: [`RW 32 SPARSE "child.vmdk"`],
  });
  const own = new Map([[1, 'zero']] as const);
  await using folder = await DiskFolder.with({
    'child.vmdk': buildHosted(32, own, child),
    'base.vmdk': descriptorText({ cid: '1', extents: ['RW 20 FLAT "base-flat.vmdk" 0'] }),
    'base-flat.vmdk': noise(20 * SECTOR, 1),
  });
  await using image = await folder.open('child.vmdk');
  const expected = Buffer.alloc(32 * SECTOR);
  noise(20 * SECTOR, 1).copy(expected);
  expected.fill(0, GRAIN, 2 * GRAIN);
  expect((await readThroughMap(image)).equals(expected)).toBe(true);
  expect(image.files.map(({ path }) => path)).toEqual([
    expect.stringMatching(/child\.vmdk$/),
    expect.stringMatching(/base-flat\.vmdk$/),
  ]);
});

/**
 * Returns the number of bytes in buffers. Waits a while until it is less than `enough`, because V8 frees buffers in
 * another thread, some time after the garbage collection.
 */
async function heldBytes(enough = Infinity): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  for (let tries = 1; ; tries++) {
    collect();
    const held = process.memoryUsage().arrayBuffers;
    if (held < enough || tries === 100) return held;
    await pause(50);
  }
}

test('an empty disk of 64 TiB is mapped without holding its tables, and a flat one of 4 TB is one run', async () => {
  const sectors = 2 ** 37;
  const header = buildSeSparse(8, new Map(), (file) => {
    file.writeBigUInt64LE(BigInt(sectors), 16);
    file.writeBigUInt64LE(2n ** 25n / 512n, 136);
  });
  await using folder = await DiskFolder.with({
    'disk.vmdk': descriptorText({ createType: 'seSparse', extents: [`RW ${sectors} SESPARSE "se.vmdk"`] }),
    'se.vmdk': header,
    'flat.vmdk': descriptorText({ extents: [`RW 8589934592 FLAT "4tb.bin" 0`] }),
    '4tb.bin': '',
  });
  // The directory has an entry of 8 bytes per 16 MiB: 2^46 / 2^24 * 8 = 32 MiB. All of it is a hole.
  await truncate(folder.at('se.vmdk'), 2 ** 25 + 8192);
  await truncate(folder.at('4tb.bin'), 2 ** 42);
  await using image = await folder.open();
  const before = await heldBytes();
  expect(await runsOf(image)).toEqual([{ kind: 'zero', offsetBytes: 0, lengthBytes: 2 ** 46 }]);
  const most = before + 16 * 2 ** 20;
  expect(await heldBytes(most)).toBeLessThan(most);
  await using flat = await folder.open('flat.vmdk');
  expect(await runsOf(flat)).toEqual([
    { kind: 'data', offsetBytes: 0, lengthBytes: 2 ** 42, file: 0, fileOffsetBytes: 0 },
  ]);
});

test('a disk is found through a link that the user gave', async () => {
  await using folder = await DiskFolder.with({
    'real/disk.vmdk': descriptorText({ extents: ['RW 4 FLAT "flat.bin" 0'] }),
    'real/flat.bin': noise(4 * SECTOR, 4),
  });
  await symlink('real', join(folder.path, 'link'));
  await using image = await folder.open('link/disk.vmdk');
  expect((await readThroughMap(image)).length).toBe(4 * SECTOR);
});
