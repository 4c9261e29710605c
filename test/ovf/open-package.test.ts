import { expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createFolderPackage } from '../../src/ovf/folder-package.ts';
import { openPackage, type VmPackage } from '../../src/ovf/open-package.ts';
import { createOvaPackage } from '../../src/ovf/ova-package.ts';
import { probePackage } from '../../src/ovf/probe-package.ts';
import { readPackaged } from '../../src/ovf/read-packaged.ts';
import { testWithOracle } from '../oracles/oracle.ts';
import { outputOf } from '../oracles/run-program.ts';
import { item, smallOvf, VIRTUALBOX } from './ovf-samples.ts';
import { addMember, pattern, sha256, temporaryFolder } from './package-folder.ts';
import { joined } from './read-all.ts';
import { archive, member } from './tar-builder.ts';

const ONE = pattern(150_000, 1);
const TWO = pattern(70_001, 2);

/** A descriptor of two disks; the second one comes first in the References. */
function ovf({
  one = `ovf:href="one.vmdk" ovf:size="${ONE.length}"`,
  two = `ovf:href="two.vmdk" ovf:size="${TWO.length}"`,
} = {}): string {
  return smallOvf({
    files: `<File ovf:id="f2" ${two}/><File ovf:id="f1" ${one}/>`,
    disks:
      '<Disk ovf:diskId="d2" ovf:fileRef="f2" ovf:capacity="9"/><Disk ovf:diskId="d1" ovf:fileRef="f1" ovf:capacity="9"/>',
    hardware:
      item({ InstanceID: 1, ResourceType: 6 }) +
      item({ InstanceID: 2, ResourceType: 17, HostResource: 'ovf:/disk/d2', Parent: 1, AddressOnParent: 1 }) +
      item({ InstanceID: 3, ResourceType: 17, HostResource: 'ovf:/disk/d1', Parent: 1, AddressOnParent: 0 }),
  });
}

type Files = Record<string, string | Buffer>;

function manifest(
  files: Files,
  algorithm = 'sha256',
  line = (name: string, digest: string) => `${algorithm.toUpperCase()}(${name})= ${digest}`,
): string {
  return Object.entries(files)
    .map(([name, bytes]) => `${line(name, createHash(algorithm).update(bytes).digest('hex'))}\n`)
    .join('');
}

/** Writes the files into a new package folder; gives the path of the first one. */
async function writeFolder(folder: string, files: Files): Promise<string> {
  const root = join(folder, 'package');
  await mkdir(root);
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(join(root, name, '..'), { recursive: true });
    await writeFile(join(root, name), bytes);
  }
  return join(root, Object.keys(files)[0] ?? '');
}

async function writeOva(folder: string, files: Files, change = (tar: Buffer) => tar): Promise<string> {
  const path = join(folder, 'x.ova');
  await writeFile(path, change(archive(...Object.entries(files).map(([name, bytes]) => member({ name }, bytes)))));
  return path;
}

async function contents(opened: VmPackage): Promise<string[]> {
  const digests: string[] = [];
  for (const disk of opened.disks) digests.push(sha256(await joined(readPackaged(opened, disk))));
  return digests;
}

const DISKS = [sha256(ONE), sha256(TWO)];
const FILES: Files = { 'vm.ovf': ovf(), 'one.vmdk': ONE, 'two.vmdk': TWO };
const WITH_MANIFEST: Files = { ...FILES, 'vm.mf': manifest(FILES) };

test('a folder: disks in the machine’s order, where their bytes are, with their digests', async () => {
  await using folder = await temporaryFolder();
  const path = await writeFolder(folder.path, WITH_MANIFEST);
  const opened = await openPackage(path);
  expect(opened).toMatchObject({ path, container: 'folder', hasManifest: true, facts: { name: 'small' } });
  expect(opened.disks).toMatchObject([
    {
      disk: { diskId: 'd1' },
      sizeBytes: ONE.length,
      gzip: false,
      parts: [
        {
          name: 'one.vmdk',
          path: join(folder.path, 'package', 'one.vmdk'),
          offsetBytes: 0,
          sizeBytes: ONE.length,
          digest: { algorithm: 'sha256', digest: sha256(ONE) },
        },
      ],
    },
    { disk: { diskId: 'd2' }, parts: [{ name: 'two.vmdk' }] },
  ]);
  expect(await contents(opened)).toEqual(DISKS);
});

test('an OVA: the same, and its disks stand in it as they are', async () => {
  await using folder = await temporaryFolder();
  // The descriptor need not be first.
  const { 'vm.ovf': descriptor = '', ...disks } = WITH_MANIFEST;
  const path = await writeOva(folder.path, { ...disks, 'vm.ovf': descriptor });
  const opened = await openPackage(path);
  expect(opened.container).toBe('ova');
  const bytes = await readFile(path);
  const inPlace = opened.disks.flatMap(({ parts }) =>
    parts.map(({ path: at, offsetBytes, sizeBytes }) => [
      at,
      sha256(bytes.subarray(offsetBytes, offsetBytes + sizeBytes)),
    ]),
  );
  expect(inPlace).toEqual(DISKS.map((digest) => [path, digest]));
  expect(await contents(opened)).toEqual(DISKS);
});

test('an OVA that is compressed: its disks come in any order', async () => {
  await using folder = await temporaryFolder();
  const opened = await openPackage(await writeOva(folder.path, WITH_MANIFEST, (tar) => gzipSync(tar)));
  expect(opened.container).toBe('gzip-ova');
  expect(await contents({ ...opened, disks: opened.disks.toReversed() })).toEqual(DISKS.toReversed());
});

test.each([
  ['SHA1 as openssl spells it', manifest(FILES, 'sha1', (name, digest) => `SHA1 (${name}) = ${digest}`), 'sha1'],
  ['SHA512 with DOS line ends', manifest(FILES, 'sha512').replaceAll('\n', '\r\n'), 'sha512'],
])('a manifest in %s', async (_what, text, algorithm) => {
  await using folder = await temporaryFolder();
  const opened = await openPackage(await writeFolder(folder.path, { ...FILES, 'vm.mf': text }));
  expect(opened.disks[0]?.parts[0]?.digest?.algorithm).toBe(algorithm);
  expect(await contents(opened)).toEqual(DISKS);
});

test('a package without a manifest has no digests', async () => {
  await using folder = await temporaryFolder();
  const opened = await openPackage(await writeFolder(folder.path, FILES));
  expect(opened.hasManifest).toBe(false);
  expect(opened.disks.flatMap(({ parts }) => parts.map(({ digest }) => digest))).toEqual([undefined, undefined]);
});

test('an archive with everything in a folder, from a Mac, with a manifest of another name', async () => {
  await using folder = await temporaryFolder();
  const files = {
    'export/._vm.ovf': 'attributes',
    'export/._vm.mf': 'attributes',
    'export/vm.ovf': ovf(),
    'export/one.vmdk': ONE,
    'export/two.vmdk': TWO,
    'export/other.mf': manifest(FILES),
  };
  const opened = await openPackage(await writeOva(folder.path, files));
  expect(opened.hasManifest).toBe(true);
  expect(await contents(opened)).toEqual(DISKS);
});

const chunked = (href: string, size: number) => `ovf:href="${href}" ovf:size="${size}" ovf:chunkSize="60000"`;
const CHUNKS: Files = {
  'one.vmdk.000000000': ONE.subarray(0, 60_000),
  'one.vmdk.000000001': ONE.subarray(60_000, 120_000),
  'one.vmdk.000000002': ONE.subarray(120_000),
};

for (const [where, write] of [
  ['a folder', writeFolder],
  ['an OVA', writeOva],
  ['a compressed OVA', (folder: string, files: Files) => writeOva(folder, files, (tar) => gzipSync(tar))],
] as const) {
  test(`a disk in chunks and one in gzip, in ${where}`, async () => {
    await using folder = await temporaryFolder();
    const packed = gzipSync(TWO);
    const files = {
      'vm.ovf': ovf({
        one: chunked('one.vmdk', ONE.length),
        two: `ovf:href="two.vmdk" ovf:compression="gzip" ovf:size="${packed.length}"`,
      }),
      ...CHUNKS,
      'two.vmdk': packed,
    };
    const opened = await openPackage(await write(folder.path, { ...files, 'vm.mf': manifest(files) }));
    expect(opened.disks.map(({ gzip, parts }) => [gzip, parts.length])).toEqual([
      [false, 3],
      [true, 1],
    ]);
    expect(await contents(opened)).toEqual(DISKS);
  });
}

test('gzip in chunks, with the size that it has without compression', async () => {
  await using folder = await temporaryFolder();
  const packed = gzipSync(ONE, { level: 0 });
  const opened = await openPackage(
    await writeFolder(folder.path, {
      'vm.ovf': ovf({ one: `${chunked('one.vmdk', ONE.length)} ovf:compression="gzip"` }),
      'one.vmdk.000000000': packed.subarray(0, 60_000),
      'one.vmdk.000000001': packed.subarray(60_000, 120_000),
      'one.vmdk.000000002': packed.subarray(120_000),
      'two.vmdk': TWO,
    }),
  );
  expect(await contents(opened)).toEqual(DISKS);
});

test('names with blanks and percent signs, as they are or escaped; subfolders', async () => {
  await using folder = await temporaryFolder();
  const files = {
    'vm.ovf': ovf({ one: 'ovf:href="a%20b/100%25.vmdk"', two: 'ovf:href="c%20d"' }),
    'a b/100%.vmdk': ONE,
    'c%20d': TWO,
  };
  expect(await contents(await openPackage(await writeFolder(folder.path, files)))).toEqual(DISKS);
});

test('what this program exports opens again', async () => {
  await using folder = await temporaryFolder();
  const options = { folder: folder.path, baseName: 'vm', force: false };
  for (const writer of [
    await createFolderPackage(options),
    await createOvaPackage({ ...options, reservedDescriptorBytes: 4096 }),
  ]) {
    await addMember(writer, 'two.vmdk', TWO);
    await addMember(writer, 'one.vmdk', ONE);
    await writer.finish({ descriptor: ovf() });
  }
  expect(await contents(await openPackage(join(folder.path, 'vm.ovf')))).toEqual(DISKS);
  expect(await contents(await openPackage(join(folder.path, 'vm.ova')))).toEqual(DISKS);
});

testWithOracle('tar', 'what GNU tar packs of VirtualBox’s files opens', async ({ tar }) => {
  await using folder = await temporaryFolder();
  const path = await writeFolder(folder.path, {
    'mint.ovf': VIRTUALBOX,
    'mint-disk001.vmdk': ONE,
    'mint-disk002.vmdk': TWO,
  });
  await outputOf(tar, [
    '-C',
    join(path, '..'),
    '-cf',
    join(folder.path, 'mint.ova'),
    'mint.ovf',
    'mint-disk001.vmdk',
    'mint-disk002.vmdk',
  ]);
  expect(await contents(await openPackage(join(folder.path, 'mint.ova')))).toEqual(DISKS.toReversed());
});

test('a descriptor in UTF-16, or with a byte order mark, is read', async () => {
  await using folder = await temporaryFolder();
  const utf16 = Buffer.from(`\uFEFF<?xml version="1.0" encoding="UTF-16"?>${ovf()}`, 'utf16le');
  expect(await contents(await openPackage(await writeFolder(folder.path, { ...FILES, 'vm.ovf': utf16 })))).toEqual(
    DISKS,
  );
  await writeFile(join(folder.path, 'package', 'vm.ovf'), `\uFEFF${ovf()}`);
  expect(await contents(await openPackage(join(folder.path, 'package', 'vm.ovf')))).toEqual(DISKS);
});

/** With another last byte: all sizes stay right. */
function changed(name: string): Files {
  const bytes = Buffer.from(WITH_MANIFEST[name] ?? '');
  return { ...WITH_MANIFEST, [name]: bytes.fill(' ', bytes.length - 1) };
}

test.each([
  ['a file that is missing', { 'vm.ovf': ovf(), 'one.vmdk': ONE }, /file "two\.vmdk" .* is not there/],
  ['a wrong size', { ...FILES, 'two.vmdk': TWO.subarray(1) }, /has 70000 bytes, and the descriptor gives it 70001/],
  [
    'a manifest of an absent file',
    { ...FILES, 'vm.mf': manifest({ ...FILES, 'gone.vmdk': '' }) },
    /names the file "gone\.vmdk", which is not in/,
  ],
  ['a manifest that leads out', { ...FILES, 'vm.mf': manifest({ '../x': '' }) }, /leads out of the package/],
  ['a manifest of nonsense', { ...FILES, 'vm.mf': 'hello\n' }, /Line 1 of the manifest/],
  ['a descriptor that was changed', changed('vm.ovf'), /vm\.ovf.* was changed: its sha256/],
  [
    'a chunk that is missing',
    { 'vm.ovf': ovf({ one: chunked('one.vmdk', ONE.length) }), 'two.vmdk': TWO, ...CHUNKS, 'one.vmdk.000000002': '' },
    /has 120000 bytes/,
  ],
  [
    'a chunk of another size',
    { 'vm.ovf': ovf({ one: chunked('one.vmdk', ONE.length) }), 'two.vmdk': TWO, ...CHUNKS, 'one.vmdk.000000001': 'x' },
    /chunk one\.vmdk\.000000001 of 1 bytes instead of 60000/,
  ],
  [
    'chunks of no known size',
    { 'vm.ovf': ovf({ one: 'ovf:href="one.vmdk"' }), 'two.vmdk': TWO, ...CHUNKS },
    /does not give its size/,
  ],
  [
    'a descriptor in a wrong encoding',
    { ...FILES, 'vm.ovf': Buffer.from([...Buffer.from('<?xml version="1.0" encoding="UTF-8"?>'), 0xff]) },
    /no text in the encoding/,
  ],
  ['no XML', { 'vm.ovf': '<?xml <<' }, /not well-formed/],
  ['a descriptor of 5 MiB', { 'vm.ovf': `<?xml ${' '.repeat(5 * 2 ** 20)}` }, /too large/],
  ['a disk image', { 'vm.ovf': 'KDMV and so on' }, /neither an OVF descriptor nor an OVA/],
] as [string, Files, RegExp][])('%s is refused, in a folder and in an OVA', async (what, files, message) => {
  await using folder = await temporaryFolder();
  const refusal = { kind: 'image', message: expect.stringMatching(message) };
  await expect(openPackage(await writeFolder(folder.path, files))).rejects.toMatchObject(refusal);
  if (what === 'a disk image') return;
  await expect(openPackage(await writeOva(folder.path, files))).rejects.toMatchObject(refusal);
});

test.each([
  ['no descriptor', { 'a.vmdk': ONE }, /holds no OVF descriptor/],
  ['two descriptors', { ...FILES, 'b.ovf': ovf() }, /several OVF descriptors: vm\.ovf, b\.ovf/],
] as [string, Files, RegExp][])('an OVA with %s is refused', async (_what, files, message) => {
  await using folder = await temporaryFolder();
  await expect(openPackage(await writeOva(folder.path, files))).rejects.toThrow(message);
});

test('a disk that was changed shows at its end, whole or in chunks, in a folder and in an OVA', async () => {
  await using folder = await temporaryFolder();
  for (const path of [
    await writeFolder(folder.path, changed('two.vmdk')),
    await writeOva(folder.path, changed('two.vmdk')),
  ]) {
    const opened = await openPackage(path);
    const [one, two] = opened.disks;
    if (one === undefined || two === undefined) throw new Error('there are two');
    expect(sha256(await joined(readPackaged(opened, one)))).toBe(DISKS[0]);
    await expect(joined(readPackaged(opened, two))).rejects.toMatchObject({
      kind: 'image',
      message: expect.stringMatching(/two\.vmdk in .* was changed/),
    });
  }
});

test('gzip that is damaged is refused while it is read', async () => {
  await using folder = await temporaryFolder();
  const packed = gzipSync(ONE);
  packed.fill(0xff, 100, 140);
  const opened = await openPackage(
    await writeFolder(folder.path, { ...FILES, 'vm.ovf': ovf({ one: 'ovf:href="one.vmdk"' }), 'one.vmdk': packed }),
  );
  await expect(contents(opened)).rejects.toMatchObject({
    kind: 'image',
    message: expect.stringMatching(/gzip data of one\.vmdk/),
  });
});

test('no link leads out of the folder; one that stays in it is followed', async () => {
  await using folder = await temporaryFolder();
  const path = await writeFolder(folder.path, { 'vm.ovf': ovf(), 'real/one.vmdk': ONE });
  const root = join(path, '..');
  await writeFile(join(folder.path, 'two.vmdk'), TWO);
  await symlink('real/one.vmdk', join(root, 'one.vmdk'));
  await symlink('../two.vmdk', join(root, 'two.vmdk'));
  await expect(openPackage(path)).rejects.toMatchObject({
    kind: 'image',
    message: expect.stringMatching(/two\.vmdk is a link that leads out/),
  });
  await writeFile(path, ovf({ two: 'ovf:href="up/two.vmdk"' }));
  await symlink(folder.path, join(root, 'up'));
  await expect(openPackage(path)).rejects.toThrow(/leads out/);
  await writeFile(path, ovf({ two: 'ovf:href="real/two.vmdk"' }));
  await writeFile(join(root, 'real', 'two.vmdk'), TWO);
  expect(await contents(await openPackage(path))).toEqual(DISKS);
});

test('a link in a circle, a folder and a device in a disk’s place are local-file errors', async () => {
  await using folder = await temporaryFolder();
  const path = await writeFolder(folder.path, { 'vm.ovf': ovf(), 'two.vmdk': TWO, 'dir/x': '' });
  await symlink('one.vmdk', join(path, '..', 'one.vmdk'));
  await expect(openPackage(path)).rejects.toMatchObject({ kind: 'local-file' });
  await writeFile(path, ovf({ one: 'ovf:href="dir"' }));
  await expect(openPackage(path)).rejects.toMatchObject({ kind: 'local-file' });
  await expect(openPackage(join(folder.path, 'none.ovf'))).rejects.toMatchObject({ kind: 'local-file' });
  await expect(openPackage('/dev/zero')).rejects.toMatchObject({ kind: 'local-file' });
});

test('an abort ends the opening and the reading with its reason', async () => {
  await using folder = await temporaryFolder();
  const path = await writeFolder(folder.path, FILES);
  const reason = new Error('stop');
  await expect(openPackage(path, AbortSignal.abort(reason))).rejects.toBe(reason);
  const opened = await openPackage(path);
  const [disk] = opened.disks;
  if (disk === undefined) throw new Error('there is one');
  await expect(joined(readPackaged(opened, disk, AbortSignal.abort(reason)))).rejects.toBe(reason);
});

test('a package is told by its content', () => {
  expect(probePackage(Buffer.from(ovf()))).toBe('ovf');
  expect(probePackage(Buffer.from(`\uFEFF  \n<!-- x --><Envelope `))).toBe('ovf');
  expect(probePackage(Buffer.from(`\uFEFF${ovf()}`, 'utf16le'))).toBe('ovf');
  expect(probePackage(archive(member({ name: 'a' })))).toBe('ova');
  expect(probePackage(gzipSync('x'))).toBe('gzip');
  for (const other of ['', 'KDMV', '# Disk DescriptorFile', 'QFI\u00fb', '\0'.repeat(4096)]) {
    expect(probePackage(Buffer.from(other, 'latin1'))).toBeUndefined();
  }
});
