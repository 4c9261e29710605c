import { expect, test } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createFolderPackage } from '../../../src/ovf/write/folder-package.ts';
import { openPackage } from '../../../src/ovf/read/open-package.ts';
import { createOvaPackage } from '../../../src/ovf/write/ova-package.ts';
import { probePackage } from '../../../src/ovf/read/probe-package.ts';
import { readPackaged } from '../read-packaged.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { outputOf } from '../../oracles/run-program.ts';
import { VIRTUALBOX } from '../ovf-samples.ts';
import {
  chunked,
  CHUNKS,
  contents,
  DISKS,
  FILES,
  manifest,
  ONE,
  ovf,
  TWO,
  type Files,
  WITH_MANIFEST,
  writeFolder,
  writeOva,
} from '../package-files.ts';
import { addMember, sha256, temporaryFolder } from '../package-folder.ts';
import { joined } from '../read-all.ts';
import { archive, member } from '../tar-builder.ts';

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
  // The descriptor does not have to be the first member.
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

test.each([TWO.length + 1, TWO.length - 1, 0, -1])('a file size of %d in the descriptor is a warning', async (size) => {
  await using folder = await temporaryFolder();
  const files = { ...FILES, 'vm.ovf': ovf({ two: `ovf:href="two.vmdk" ovf:size="${size}"` }) };
  const warning = `The file "two.vmdk" has ${TWO.length} bytes, but the descriptor gives ${size}. The size of the file is used.`;
  for (const path of [await writeFolder(folder.path, files), await writeOva(folder.path, files)]) {
    const opened = await openPackage(path);
    expect(opened.warnings).toEqual([warning]);
    expect(await contents(opened)).toEqual(DISKS);
  }
});

test('./name is the name, in the descriptor and in the manifest', async () => {
  await using folder = await temporaryFolder();
  const files = { ...FILES, 'vm.ovf': ovf({ one: 'ovf:href="./one.vmdk"', two: 'ovf:href="././two.vmdk"' }) };
  const text = manifest(files, 'sha256', (name, digest) => `SHA2-256(./${name})= ${digest}`);
  for (const write of [writeFolder, writeOva]) {
    const opened = await openPackage(await write(folder.path, { ...files, 'vm.mf': text }));
    expect(opened.disks[0]?.parts[0]?.digest?.algorithm).toBe('sha256');
    expect(await contents(opened)).toEqual(DISKS);
  }
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
  const page =
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x"><html xmlns="http://www.w3.org/1999/xhtml">';
  for (const prolog of ['', '<?xml version="1.0"?>\n'])
    expect(probePackage(Buffer.from(prolog + page))).toBeUndefined();
  for (const other of ['', 'KDMV', '# Disk DescriptorFile', 'QFI\u00fb', '\0'.repeat(4096)]) {
    expect(probePackage(Buffer.from(other, 'latin1'))).toBeUndefined();
  }
});
