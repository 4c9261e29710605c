import { expect, test } from '@jest/globals';
import { mkdir, open, readFile, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createOvaPackage } from '../../../src/ovf/write/ova-package.ts';
import { indexOva } from '../../../src/ovf/tar/ova-index.ts';
import { openOva, readOva } from '../read-ova.ts';
import { encodeHeaders } from '../../../src/ovf/tar/tar-header.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { outputOf } from '../../oracles/run-program.ts';
import { addMember, pattern, sha256, temporaryFolder } from '../package-folder.ts';
import { inPieces, joined, readMembers } from '../read-all.ts';
import { archive, base256, block, member, pax } from '../tar-builder.ts';

const LONG = `${'folder-'.repeat(12)}/${'n'.repeat(90)}.vmdk`;
const FILES = new Map([
  ['vm.ovf', pattern(511)],
  ['empty', Buffer.alloc(0)],
  ['sub/disk é 東京.vmdk', pattern(70_000)],
  [LONG, pattern(512)],
  ['last', pattern(513)],
]);

async function writeFiles(folder: string): Promise<void> {
  for (const [name, bytes] of FILES) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), bytes);
  }
}

/** Hashes the files, because jest takes a second per file to compare buffers. */
function digests(files: Iterable<[string, Buffer]>): [string, string][] {
  return [...files].map(([name, bytes]) => [name, sha256(bytes)]);
}

/** Expects the correct files from the stream, in pieces of two sizes, and from the index. */
async function expectFiles(path: string): Promise<void> {
  const bytes = await readFile(path);
  expect(digests(await readMembers(bytes))).toEqual(digests(FILES));
  expect(digests(await readMembers(bytes, 700))).toEqual(digests(FILES));
  const { entries, gzip, kept } = await indexOva(path, (name) => name.endsWith('.ovf'));
  const indexed = [...entries.values()].map(({ name, offsetBytes, sizeBytes }): [string, Buffer] => [
    name,
    bytes.subarray(offsetBytes, offsetBytes + sizeBytes),
  ]);
  expect(gzip).toBe(false);
  expect(digests(indexed)).toEqual(digests(FILES));
  expect(kept).toEqual(new Map([['vm.ovf', new Uint8Array(pattern(511))]]));
}

for (const format of ['ustar', 'posix', 'gnu', 'oldgnu']) {
  testWithOracle('tar', `reads what GNU tar writes as ${format}`, async ({ tar }) => {
    await using folder = await temporaryFolder();
    await writeFiles(folder.path);
    const path = join(folder.path, 'x.tar');
    await outputOf(tar, [
      '-C',
      folder.path,
      `--format=${format}`,
      '-cf',
      path,
      './vm.ovf',
      ...[...FILES.keys()].slice(1),
    ]);
    await expectFiles(path);
  });
}

for (const format of ['USTAR', 'GNU', 'PAX']) {
  testWithOracle('python3', `reads what Python’s tarfile writes as ${format}`, async ({ python3 }) => {
    await using folder = await temporaryFolder();
    await writeFiles(folder.path);
    const path = join(folder.path, 'x.tar');
    const script = `
import sys, tarfile
with tarfile.open(sys.argv[1], 'w', format=tarfile.${format}_FORMAT) as tar:
    for name in sys.argv[3:]: tar.add(sys.argv[2] + '/' + name, name)
`;
    await outputOf(python3, ['-c', script, path, folder.path, ...FILES.keys()], { LC_ALL: 'C.UTF-8' });
    await expectFiles(path);
  });
}

test('reads what this program writes', async () => {
  await using folder = await temporaryFolder();
  const options = { folder: folder.path, baseName: 'vm', force: false, reservedDescriptorBytes: 2048 };
  const writer = await createOvaPackage(options);
  await addMember(writer, `${'long '.repeat(30)}.vmdk`, pattern(100_000));
  await writer.finish({ descriptor: '<x/>' });
  const members = await readMembers(await readFile(join(folder.path, 'vm.ova')));
  expect([...members.keys()]).toEqual(['vm.ovf', `${'long '.repeat(30)}.vmdk`, 'vm.mf']);
  expect(digests(members)[1]?.[1]).toBe(sha256(pattern(100_000)));
});

test('reads an archive that is compressed, by its content', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'x.ova');
  await writeFile(path, gzipSync(archive(member({ name: 'a.ovf' }, 'text'), member({ name: 'b' }, pattern(90_000)))));
  const names: string[] = [];
  for await (const each of openOva(path)) {
    names.push(each.name);
    if (each.name === 'b') expect(sha256(await joined(each.pieces()))).toBe(sha256(pattern(90_000)));
  }
  expect(names).toEqual(['a.ovf', 'b']);
  expect(await indexOva(path)).toMatchObject({
    gzip: true,
    entries: new Map([
      ['a.ovf', { name: 'a.ovf', sizeBytes: 4, offsetBytes: 512, head: Uint8Array.from(Buffer.from('text')) }],
      [
        'b',
        { name: 'b', sizeBytes: 90_000, offsetBytes: 1536, head: Uint8Array.from(pattern(90_000).subarray(0, 1024)) },
      ],
    ]),
  });
});

test.each([1, 3, 511, 512, 513, 4096])(
  'members come whole whatever the stream’s pieces are (%i bytes)',
  async (size) => {
    const bytes = archive(pax({ path: 'é'.repeat(300) }), member({}, pattern(1300)), member({ name: 'b' }, 'x'));
    expect([...(await readMembers(bytes, size))]).toEqual([
      ['é'.repeat(300), pattern(1300)],
      ['b', Buffer.from('x')],
    ]);
  },
);

test('members may be passed over, or left halfway', async () => {
  const bytes = archive(
    member({ name: 'a' }, pattern(5000)),
    member({ name: 'b' }, pattern(5000)),
    member({ name: 'c' }, 'c'),
  );
  const names: string[] = [];
  for await (const { name, pieces } of readOva(inPieces(bytes, 700), 'x')) {
    names.push(name);
    if (name === 'b') await pieces().next();
  }
  expect(names).toEqual(['a', 'b', 'c']);
});

test('a member cannot be read out of its turn', async () => {
  const bytes = archive(member({ name: 'a' }, 'a'), member({ name: 'b' }, 'b'));
  const members = [];
  for await (const each of readOva(inPieces(bytes, 512), 'x')) members.push(each);
  await expect(joined((members[0] ?? { pieces: () => inPieces(bytes, 1) }).pieces())).rejects.toMatchObject({
    kind: 'internal',
  });
});

test('sizes of 8 GiB and more, in base-256 and in pax, without reading what lies there', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'huge.ova');
  const huge = 12 * 2 ** 30 + 1;
  const own = encodeHeaders({ name: 'huge.vmdk', sizeBytes: huge, mtime: new Date(0) });
  const second = Buffer.concat([pax({ size: String(huge) }), block({ name: 'second', size: 0 })]);
  const secondAt = own.length + Math.ceil(huge / 512) * 512;
  const end = secondAt + second.length + Math.ceil(huge / 512) * 512;
  await writeFile(path, own);
  const handle = await open(path, 'r+');
  await handle.write(second, 0, second.length, secondAt);
  await handle.close();
  await truncate(path, end + 1024);
  const { entries } = await indexOva(path);
  expect([...entries.values()].map(({ sizeBytes, offsetBytes }) => [sizeBytes, offsetBytes])).toEqual([
    [huge, 512],
    [huge, secondAt + second.length],
  ]);
});

test('old forms are read: v7, signed checksums, folders, labels, Latin-1 names, an end of one block', async () => {
  const v7 = member({ name: 'v7', magic: '' }, '7');
  const latin = Buffer.concat([block({ name: 'x' })]);
  latin[1] = 0xe9;
  latin.fill(' ', 148, 156);
  const signed = latin.reduce((total, byte) => total + (byte > 127 ? byte - 256 : byte), 0);
  latin.write(`${signed.toString(8).padStart(6, '0')}\0 `, 148);
  const bytes = Buffer.concat([
    block({ name: 'label', type: 'V' }),
    block({ name: 'folder/', type: '5' }),
    block({ name: 'v7-folder/', magic: '', type: '\0' }),
    pax({ comment: 'made by git' }, 'g'),
    v7,
    latin,
    Buffer.alloc(512),
  ]);
  expect([...(await readMembers(bytes)).keys()]).toEqual(['v7', 'xé']);
});

const long = (content: string) => member({ name: '././@LongLink', type: 'L' }, content);

test.each([
  ['a checksum that is wrong', archive(block({ checksum: '000001\0 ' })), /wrong checksum \(at byte 0\)/],
  ['no tar', Buffer.alloc(4096, 'x'), /wrong checksum/],
  ['a size of nonsense', archive(block({ size: Buffer.from('99zz9999999\0') })), /size that is not a number/],
  ['a size over 2^53', archive(block({ size: base256(2n ** 60n) })), /an impossible size/],
  ['a size that overflows with its place', archive(block({ size: base256(2n ** 53n - 1n) })), /an impossible size/],
  ['a negative size', archive(block({ size: Buffer.alloc(12, 0xff) })), /an impossible size/],
  ['a pax size of nonsense', archive(pax({ size: '-1' }), member({})), /an impossible size/],
  ['a way out', archive(member({ name: '../../etc/passwd' })), /points outside the package/],
  ['a way out in pax', archive(pax({ path: 'a/../../b' }), member({})), /points outside the package/],
  ['a way out in a long name', archive(long('../x\0'), member({})), /points outside the package/],
  ['an absolute name', archive(member({ name: '/etc/passwd' })), /is an absolute path/],
  ['a prefix that leads out', archive(member({ prefix: '..' })), /points outside the package/],
  ['a name with a NUL', archive(pax({ path: 'a\0b' }), member({})), /control character/],
  ['a name of 5000 bytes', archive(pax({ path: 'a'.repeat(5000) }), member({})), /longer than 1024 bytes/],
  ['a name twice', archive(member({ name: 'a' }), member({ name: './a' })), /contains the file "a" twice/],
  ['a symbolic link', archive(member({ type: '2', link: '/etc/passwd' })), /a symbolic link/],
  ['a hard link', archive(member({ type: '1', link: 'b' })), /a hard link/],
  ['a device', archive(member({ type: '4' })), /a device/],
  ['a named pipe', archive(member({ type: '6' })), /a named pipe/],
  ['a GNU sparse file', archive(member({ type: 'S' })), /a sparse file/],
  ['a pax sparse file', archive(pax({ 'GNU.sparse.major': '1' }), member({})), /a sparse file/],
  ['a part of a volume', archive(member({ type: 'M' })), /several archives/],
  ['an unknown type', archive(member({ type: '~' })), /unknown type "~"/],
  ['a malformed pax record', archive(member({ type: 'x' }, '99 path=a\n')), /malformed pax header/],
  ['a pax record without end', archive(member({ type: 'x' }, '10 path=aaa')), /malformed pax header/],
  ['a pax record of no length', archive(member({ type: 'x' }, '0 a=b\n')), /malformed pax header/],
  ['a pax header of 1 GiB', archive(block({ type: 'x', size: 2 ** 30 })), /extension header of 1073741824 bytes/],
  ['a name of 1 GiB', archive(block({ type: 'L', size: 2 ** 30 })), /extension header of 1073741824 bytes/],
  ['a size for all files', archive(pax({ size: '1' }, 'g'), member({})), /to all files/],
  ['extensions without end', archive(...Array.from({ length: 50 }, () => long('a\0'))), /too many extension headers/],
  ['zeros amid files', Buffer.concat([Buffer.alloc(512), archive(member({}))]), /block of zeros between/],
  ['an end in a header', archive(member({ name: 'b' })).subarray(0, 700), /truncated/],
  ['an end in a file', member({ name: 'b' }, pattern(2000)).subarray(0, 1024), /truncated/],
  ['an end in the padding', member({ name: 'b' }, 'abc').subarray(0, 900), /truncated/],
  ['an end in an extension', pax({ path: 'abc' }).subarray(0, 520), /truncated/],
  ['no mark of the end', member({ name: 'b' }, 'abc'), /truncated/],
  ['nothing', Buffer.alloc(0), /truncated/],
])('%s is refused, from a stream and from a file', async (_what, bytes, message) => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'test.ova');
  await writeFile(path, bytes);
  const refusal = { kind: 'image', message: expect.stringMatching(message) };
  await expect(readMembers(bytes)).rejects.toMatchObject(refusal);
  await expect(indexOva(path)).rejects.toMatchObject(refusal);
  await expect(indexOva(path)).rejects.toThrow(/test\.ova.*at byte \d+/);
});

test('more than 16,384 files are refused', async () => {
  const blocks = Array.from({ length: 16_385 }, (_, at) => block({ name: `f${at}` }));
  await expect(readMembers(archive(...blocks))).rejects.toThrow(/contains more than 16384 files/);
});

test('a file that is kept must be small', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'x.ova');
  await writeFile(path, block({ name: 'x.ovf', size: 2 ** 33 - 512 }));
  await truncate(path, 2 ** 33 + 2048);
  await expect(indexOva(path, () => true)).rejects.toMatchObject({
    kind: 'image',
    message: expect.stringMatching(/too large/),
  });
});

test('gzip that is damaged or cut is refused', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'x.ova');
  const whole = gzipSync(archive(member({ name: 'b' }, pattern(90_000))));
  await writeFile(path, whole.subarray(0, -2000));
  await expect(indexOva(path)).rejects.toMatchObject({
    kind: 'image',
    message: expect.stringMatching(/gzip data .* truncated/),
  });
  whole.fill(0xaa, 40, 60);
  await writeFile(path, whole);
  await expect(indexOva(path)).rejects.toMatchObject({
    kind: 'image',
    message: expect.stringMatching(/gzip data .* damaged/),
  });
});

test('an abort ends the reading with its reason', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'x.ova');
  await writeFile(path, archive(member({ name: 'b' }, pattern(90_000))));
  const reason = new Error('stop');
  await expect(indexOva(path, undefined, AbortSignal.abort(reason))).rejects.toBe(reason);
  await expect(openOva(path, AbortSignal.abort(reason)).next()).rejects.toBe(reason);
});

test('what is missing, or no file, is a local-file error', async () => {
  await using folder = await temporaryFolder();
  await expect(indexOva(join(folder.path, 'none'))).rejects.toMatchObject({ kind: 'local-file' });
  await expect(indexOva(folder.path)).rejects.toMatchObject({ kind: 'local-file' });
});
