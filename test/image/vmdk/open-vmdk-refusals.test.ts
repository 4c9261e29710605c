import { symlink } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { withProcessorTime } from '../../fuzz/processor-time.ts';
import { noise } from './check-bytes.ts';
import { DiskFolder, refusalOf } from './disk-folder.ts';
import { buildCowd, buildHosted, buildSeSparse, descriptorText, type Bend, type Grains } from './sparse-builder.ts';
import { buildStream } from './stream-builder.ts';

const SECTORS = 40_961;
const GRAINS: Grains = new Map([
  [0, noise(4096, 1)],
  [5000, noise(4096, 2)],
]);
const SECTOR_GRAINS: Grains = new Map([[0, noise(512, 1)]]);
const SPARSE_DISK = descriptorText({ createType: 'monolithicSparse', extents: [`RW ${SECTORS} SPARSE "disk.vmdk"`] });

type Files = Record<string, string | Uint8Array>;

const hosted = (bend: Bend, text = SPARSE_DISK): Files => ({ 'disk.vmdk': buildHosted(SECTORS, GRAINS, text, bend) });
const u32 = (at: number, value: number) => (file: Buffer) => void file.writeUInt32LE(value, at);
const u64 = (at: number, value: bigint) => (file: Buffer) => void file.writeBigUInt64LE(value, at);
const described = (extent: string, files: Files = {}): Files => ({
  'disk.vmdk': descriptorText({ extents: [extent] }),
  ...files,
});
const cowd = (bend: Bend): Files =>
  described(`RW ${SECTORS} VMFSSPARSE "delta"`, { delta: buildCowd(SECTORS, SECTOR_GRAINS, bend) });
const seSparse = (bend: Bend): Files =>
  described(`RW ${SECTORS} SESPARSE "delta"`, { delta: buildSeSparse(SECTORS, GRAINS, bend) });
const stream = (...[, , bends]: Parameters<typeof buildStream>): Files => ({
  'disk.vmdk': buildStream(SECTORS, new Map([[0, noise(65_536, 1)]]), bends),
});
const flat = (extent: string): Files => described(extent, { 'flat.bin': noise(8 * 512, 1) });

/** The fault, the expected message, the byte offset that it must contain, and the files. */
const REFUSED: [string, RegExp, number, Files][] = [
  ['an empty file', /neither a descriptor nor/, 0, { 'disk.vmdk': '' }],
  ['a web page', /neither a descriptor nor/, 0, { 'disk.vmdk': '<html>503</html>' }],
  ['a descriptor over 1 MiB', /is over 1 MiB/, 0, { 'disk.vmdk': SPARSE_DISK + '#'.repeat(1 << 20) }],
  ['a bare COWD extent', /which needs its descriptor/, 0, { 'disk.vmdk': buildCowd(SECTORS, SECTOR_GRAINS) }],
  ['a bare seSparse extent', /which needs its descriptor/, 0, { 'disk.vmdk': buildSeSparse(SECTORS, GRAINS) }],
  ['a bare part of a split disk', /is only one extent of a disk/, 0, hosted(() => {}, '')],

  ['a header that is cut off', /its header would be in/, 0, { 'disk.vmdk': buildHosted(8, new Map()).subarray(0, 99) }],
  [
    'tables that are cut off',
    /is truncated/,
    600,
    { 'disk.vmdk': buildHosted(SECTORS, GRAINS, SPARSE_DISK).subarray(0, 600) },
  ],
  ['an unknown version', /version 4 is unknown/, 0, hosted(u32(4, 4))],
  ['a transfer in text mode', /text mode/, 0, hosted(u32(73, 0x0a0a200a))],
  ['a capacity of zero', /capacity is zero/, 0, hosted(u64(12, 0n))],
  ['a capacity over 64 TiB', /over 64 TiB/, 0, hosted(u64(12, 2n ** 63n))],
  ['a capacity beyond its directory', /its grain directory would (be in|overlap)/, 56, hosted(u64(12, 2n ** 36n))],
  ['a huge granularity', /grain size of 1048576 sectors/, 0, hosted(u64(20, 2n ** 20n))],
  ['a granularity of zero', /grain size of 0 sectors/, 0, hosted(u64(20, 0n))],
  ['huge grain tables', /grain table of 4294967295 entries/, 0, hosted(u32(44, 2 ** 32 - 1))],
  ['empty grain tables', /grain table of 0 entries/, 0, hosted(u32(44, 0))],
  ['a directory beyond the file', /its grain directory would (be in|overlap)/, 56, hosted(u64(56, 2n ** 55n))],
  ['a directory in the header', /would overlap the header/, 0, hosted(u64(56, 0n))],
  ['a plain disk with a directory at the end', /only streams have/, 0, hosted(u64(56, 2n ** 64n - 1n))],
  ['a grain table beyond the file', /grain table 0 would be in/, 21 * 512, hosted(u32(21 * 512, 0xffff_ffff))],
  ['a grain beyond the file', /grain 1 would be in/, 29 * 512 + 4, hosted(u32(29 * 512 + 4, 0xffff_fff0))],
  [
    'a grain that is cut off',
    /grain 5000 would be in/,
    33 * 512 + 392 * 4,
    { 'disk.vmdk': buildHosted(SECTORS, GRAINS, SPARSE_DISK).subarray(0, -512) },
  ],
  ['a descriptor beyond the file', /its descriptor would be in/, 0, hosted(u64(28, 2n ** 40n))],
  ['a descriptor over 1 MiB in the file', /descriptor of 4096 sectors/, 0, hosted(u64(36, 4096n))],
  ['markers without compression', /have markers/, 0, hosted(u32(8, 0x20001))],
  ['compression without markers', /no markers/, 0, hosted(u32(8, 0x10001))],
  [
    'a compression that the flags deny',
    /names compression algorithm 1/,
    0,
    hosted((file) => void file.writeUInt16LE(1, 77)),
  ],
  [
    'a sparse file whose descriptor names several',
    /refers to extents in other files/,
    512,
    hosted(() => {}, descriptorText({ extents: ['RW 8 SPARSE "a"', 'RW 8 SPARSE "b"'] })),
  ],

  [
    'a stream without its end',
    /its footer and end-of-stream marker/,
    -1,
    { 'disk.vmdk': buildStream(SECTORS, new Map([[0, noise(65_536, 1)]])).subarray(0, 100_000) },
  ],
  [
    'a stream without its last sector',
    /its footer and end-of-stream marker/,
    -1,
    { 'disk.vmdk': buildStream(SECTORS, new Map([[0, noise(65_536, 1)]])).subarray(0, -512) },
  ],
  [
    'a stream of zeros behind its header',
    /its footer and end-of-stream marker/,
    -1,
    { 'disk.vmdk': Buffer.concat([buildStream(SECTORS, new Map()).subarray(0, 65_536), Buffer.alloc(3_000_000)]) },
  ],
  [
    'a footer of another capacity',
    /in its footer, the capacity/,
    -1,
    stream(0, new Map(), { footer: { capacity: 9n } }),
  ],
  [
    'a footer without a place',
    /offset of the grain directory/,
    -1,
    stream(0, new Map(), { footer: { gdOffset: 2n ** 64n - 1n } }),
  ],
  [
    'a footer that points beyond the file',
    /its grain directory would (be in|overlap)/,
    -1,
    stream(0, new Map(), { footer: { gdOffset: 2n ** 50n } }),
  ],
  [
    'a compressed grain at the very end',
    /grain 1 would be in/,
    -1,
    stream(0, new Map(), { tableEntry: (value, index) => (index === 1 ? 2 ** 32 - 1 : value) }),
  ],

  ['no extents', /names no extents/, 0, { 'disk.vmdk': descriptorText({ extents: ['RW 0 ZERO'] }) }],
  ['a malformed extent line', /extent line is malformed/, 131, described('RW many SPARSE "x"')],
  ['an extent line with more behind it', /extent line is malformed/, 131, flat('RW 8 FLAT "flat.bin" 0 more')],
  ['an extent that must not be read', /is marked as not readable/, 131, flat('NOACCESS 8 FLAT "flat.bin" 0')],
  ['an unknown kind of extent', /type MAGIC is not supported/, 131, flat('RW 8 MAGIC "flat.bin"')],
  ['a raw device mapping', /type VMFSRDM is not supported/, 131, flat('RW 8 VMFSRDM "flat.bin"')],
  ['an extent without a name', /no file name/, 131, flat('RW 8 FLAT')],
  ['a missing extent', /its extent "gone.bin" is missing/, 131, flat('RW 8 FLAT "gone.bin" 0')],
  ['an extent with an empty name', /its extent "" is missing/, 131, flat('RW 8 FLAT "" 0')],
  ['a disk over 64 TiB', /the disk is over 64 TiB/, 131, described(`RW ${'9'.repeat(400)} ZERO`)],
  ['a flat extent that is cut off', /flat\.bin.* is truncated/, 4096, flat('RW 8 FLAT "flat.bin" 1')],
  [
    'a flat extent from far beyond its file',
    /flat\.bin.* is truncated/,
    4096,
    flat(`RW 8 FLAT "flat.bin" ${'9'.repeat(30)}`),
  ],
  ['a sparse extent that is none', /it is not a sparse extent/, 0, flat('RW 8 SPARSE "flat.bin"')],
  ['a sparse extent that is a descriptor', /it is not a sparse extent/, 0, described('RW 8 SPARSE "disk.vmdk"')],
  [
    'a sparse extent of a smaller capacity',
    /its capacity is 4096 bytes/,
    0,
    described('RW 9 SPARSE "part"', { part: buildHosted(8, new Map()) }),
  ],
  [
    'more extents than any disk has',
    /more than 8192 extents/,
    131 + 8192 * 10,
    { 'disk.vmdk': descriptorText({ extents: Array.from({ length: 8193 }, () => 'RW 1 ZERO') }) },
  ],
  ['an encrypted disk', /is encrypted/, 0, { 'disk.vmdk': `${SPARSE_DISK}ddb.iofilters = "vmwarevmcrypt"\n` }],

  ['COWD of another version', /COWD version 2/, 4, cowd(u32(4, 2))],
  ['COWD without capacity', /capacity is zero/, 12, cowd(u32(12, 0))],
  ['COWD with grains of zero sectors', /grain size of 0/, 16, cowd(u32(16, 0))],
  ['COWD with huge grains', /grain size of 4194304/, 16, cowd(u32(16, 2 ** 22))],
  [
    'COWD with a directory beyond the file',
    /its grain directory would (be in|overlap)/,
    20,
    cowd(u32(20, 0xffff_ffff)),
  ],
  ['COWD with too small a directory', /has 10 entries, and needs 11/, 24, cowd(u32(24, 10))],
  ['COWD with a table in its header', /entry of grain table 0 has an unknown type/, 2048, cowd(u32(2048, 2))],
  ['COWD with a grain in its header', /entry of grain 0 has an unknown type/, 12 * 512, cowd(u32(12 * 512, 1))],
  ['COWD with a grain beyond the file', /grain 0 would be in/, 12 * 512, cowd(u32(12 * 512, 0x7fff_ffff))],

  ['seSparse of another magic', /magic number 0x1cafebabe is unknown/, 0, seSparse(u32(4, 1))],
  ['seSparse of another version', /version 0x300000001 is unknown/, 8, seSparse(u64(8, 0x3_0000_0001n))],
  ['seSparse without capacity', /capacity is zero/, 16, seSparse(u64(16, 0n))],
  ['seSparse over 64 TiB', /over 64 TiB/, 16, seSparse(u64(16, 2n ** 37n + 1n))],
  ['seSparse with other grains', /grain size 0x10 is unknown/, 24, seSparse(u64(24, 16n))],
  ['seSparse with other tables', /grain table size 0x80 is unknown/, 32, seSparse(u64(32, 128n))],
  ['seSparse with flags', /set of flags 0x1 is unknown/, 40, seSparse(u64(40, 1n))],
  ['seSparse with a journal to replay', /journal has not been replayed/, 512 + 24, seSparse(u64(512 + 24, 1n))],
  [
    'seSparse without its volatile header',
    /its volatile header has the wrong magic number/,
    512,
    seSparse(u64(512, 1n)),
  ],
  [
    'seSparse with a volatile header beyond the file',
    /its volatile header would be in/,
    80,
    seSparse(u64(80, 2n ** 62n)),
  ],
  ['seSparse with too small a directory', /has 0 entries, and needs 2/, 136, seSparse(u64(136, 0n))],
  [
    'seSparse with a directory beyond the file',
    /its grain directory would (be in|overlap)/,
    128,
    seSparse(u64(128, 2n ** 60n)),
  ],
  [
    'seSparse with an unknown table entry',
    /entry of grain table 0 has an unknown type/,
    1024,
    seSparse(u64(1024, 1n << 61n)),
  ],
  [
    'seSparse with a table beyond the file',
    /grain table 0 would be in/,
    1024,
    seSparse(u64(1024, (1n << 60n) | 0xffff_ffffn)),
  ],
  [
    'seSparse with a grain of kind 4',
    /entry of grain 0 has an unknown type/,
    10 * 512,
    seSparse(u64(10 * 512, 4n << 60n)),
  ],
  [
    'seSparse with an absent grain that has a place',
    /entry of grain 0 has an unknown type/,
    10 * 512,
    seSparse(u64(10 * 512, 7n)),
  ],
  ['seSparse with a grain beyond the file', /grain 0 would be in/, 10 * 512, seSparse(u64(10 * 512, (4n << 60n) - 1n))],
];

test.each(REFUSED)('%s is refused by file and place', async (_what, message, at, files) => {
  await using folder = await DiskFolder.with(files);
  const error = await refusalOf(folder);
  expect(error.message).toMatch(message);
  expect(error.kind).toBe('image');
  expect(error.message).toContain(folder.path);
  expect(error.message).toMatch(at < 0 ? /\(at byte \d+\)\.$/ : new RegExp(`\\(at byte ${at}\\)\\.$`));
});

const child = (parentName: string, parentCid = '00000001'): string =>
  descriptorText({ cid: '00000002', parentCid, parentName, extents: ['RW 8 ZERO'] });
const base = (cid = '1'): string => descriptorText({ cid, extents: ['RW 8 FLAT "flat.bin" 0'] });

test('a missing parent is named, as is one that is no VMDK', async () => {
  await using folder = await DiskFolder.with({
    'disk.vmdk': child('gone.vmdk'),
    'other.vmdk': child('raw.vmdk'),
    'raw.vmdk': 'raw',
  });
  expect(await refusalOf(folder)).toMatchObject({
    kind: 'image',
    message: expect.stringMatching(/disk\.vmdk .*its parent "gone\.vmdk" is missing/),
  });
  expect((await refusalOf(folder, 'other.vmdk')).message).toMatch(/raw\.vmdk cannot be read as VMDK/);
  const nameless = descriptorText({ cid: '2', parentCid: '1', extents: ['RW 8 ZERO'] });
  await folder.write('nameless.vmdk', nameless);
  expect((await refusalOf(folder, 'nameless.vmdk')).message).toMatch(/does not name the file of the parent/);
});

test('a parent that was changed is refused with both files and both CIDs', async () => {
  await using folder = await DiskFolder.with({
    'disk.vmdk': child('base.vmdk'),
    'base.vmdk': base('cafe'),
    'flat.bin': noise(4096, 1),
  });
  const { kind, message } = await refusalOf(folder);
  expect(kind).toBe('image');
  expect(message).toMatch(/disk\.vmdk .* CID 00000001, .*base\.vmdk has the CID 0000cafe/);
  await folder.write('base.vmdk', base('none of this'));
  expect((await refusalOf(folder)).message).toMatch(/has the CID none/);
});

test('a chain with a loop is refused, and one of more than 64 disks', async () => {
  const link = (own: number, parent: number): string =>
    descriptorText({ cid: `${own}`, parentCid: `${parent}`, parentName: `${parent}.vmdk`, extents: ['RW 8 ZERO'] });
  await using folder = await DiskFolder.with({ '1.vmdk': link(1, 2), '2.vmdk': link(2, 3), '3.vmdk': link(3, 1) });
  expect((await refusalOf(folder, '1.vmdk')).message).toMatch(
    /3\.vmdk .*backing chain contains a loop: its parent .*1\.vmdk depends on it/,
  );
  await folder.write('self.vmdk', child('self.vmdk', '00000002'));
  expect((await refusalOf(folder, 'self.vmdk')).message).toMatch(/contains a loop/);
  for (let number = 100; number < 170; number++) await folder.write(`${number}.vmdk`, link(number, number + 1));
  expect((await refusalOf(folder, '100.vmdk')).message).toMatch(/163\.vmdk .*64th of a chain/);
});

test('no file is read outside of the disk’s folder, by whatever name', async () => {
  await using folder = await DiskFolder.with({
    'secret.bin': noise(4096, 1),
    'base.vmdk': base(),
    'in/flat.bin': noise(4096, 1),
    'in/sub/up.vmdk': child('../flat.vmdk'),
  });
  await symlink('../secret.bin', folder.at('in/link.bin'));
  await symlink('..', folder.at('in/up'));
  await symlink('loop.bin', folder.at('in/loop.bin'));
  const names = [
    '../secret.bin',
    folder.at('secret.bin'),
    '/etc/passwd',
    'link.bin',
    'up/secret.bin',
    'sub/../../secret.bin',
  ];
  for (const name of [...names, './../secret.bin', '..', folder.at('in/flat.bin')]) {
    for (const line of [`RW 8 FLAT "${name}" 0`, `RW 8 SPARSE "${name}"`]) {
      await folder.write('in/disk.vmdk', descriptorText({ extents: [line] }));
      const { kind, message } = await refusalOf(folder, 'in/disk.vmdk');
      expect({ name, kind, message }).toEqual({
        name,
        kind: 'image',
        message: expect.stringMatching(/is outside its folder/),
      });
    }
  }
  for (const name of ['../base.vmdk', folder.at('base.vmdk'), 'up/base.vmdk']) {
    await folder.write('in/disk.vmdk', child(name));
    expect((await refusalOf(folder, 'in/disk.vmdk')).message).toMatch(/its parent .* is outside its folder/);
  }
  await folder.write('in/disk.vmdk', descriptorText({ extents: ['RW 8 FLAT "loop.bin" 0'] }));
  expect(await refusalOf(folder, 'in/disk.vmdk')).toMatchObject({ kind: 'local-file' });
});

test('a folder or a device in place of a file is refused, and a missing disk is a local file’s error', async () => {
  await using folder = await DiskFolder.with({
    'disk.vmdk': descriptorText({ extents: ['RW 8 FLAT "sub" 0'] }),
    'sub/x': '',
  });
  expect((await refusalOf(folder)).message).toMatch(/sub is not a regular file/);
  expect(await refusalOf(folder, 'gone.vmdk')).toMatchObject({ kind: 'local-file' });
});

test('a small file that names one grain or one table again and again is refused soon', async () => {
  const bomb = (grainEntry: number): Buffer =>
    buildHosted(SECTORS, GRAINS, SPARSE_DISK, (file) => {
      file.writeBigUInt64LE(2n ** 30n, 12);
      // 4 KiB per grain, 2 MiB per table: 2^30 * 512 / 2^21 = 262,144 tables. All directory entries refer to the same
      // table.
      file.writeBigUInt64LE(64n, 56);
      for (let at = 29 * 512; at < 33 * 512; at += 4) file.writeUInt32LE(grainEntry, at);
    });
  const directory = Buffer.alloc(2 ** 20);
  for (let at = 0; at < directory.length; at += 4) directory.writeUInt32LE(29, at);
  await using folder = await DiskFolder.with();
  for (const grainEntry of [0, 1, 40]) {
    const front = Buffer.alloc(64 * 512);
    bomb(grainEntry).copy(front);
    await folder.write('disk.vmdk', Buffer.concat([front, directory]));
    const { result, ms } = await withProcessorTime(() => refusalOf(folder));
    expect(result.message).toMatch(/refer to more than twice the grains that the file has/);
    // It takes a fraction of a second. The higher limit allows for slow machines.
    expect(ms).toBeLessThan(5000);
  }
});
