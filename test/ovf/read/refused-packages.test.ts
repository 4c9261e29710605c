import { expect, test } from '@jest/globals';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { openPackage } from '../../../src/ovf/read/open-package.ts';
import { readPackaged } from '../read-packaged.ts';
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
import { sha256, temporaryFolder } from '../package-folder.ts';
import { joined } from '../read-all.ts';

/** Returns the files with the last byte of one file changed. All sizes stay correct. */
function changed(name: string): Files {
  const bytes = Buffer.from(WITH_MANIFEST[name] ?? '');
  return { ...WITH_MANIFEST, [name]: bytes.fill(' ', bytes.length - 1) };
}

test.each([
  ['a file that is missing', { 'vm.ovf': ovf(), 'one.vmdk': ONE }, /file "two\.vmdk" .* does not exist/],
  [
    'a manifest of an absent file',
    { ...FILES, 'vm.mf': manifest({ ...FILES, 'gone.vmdk': '' }) },
    /names the file "gone\.vmdk", which is not in/,
  ],
  ['a manifest that leads out', { ...FILES, 'vm.mf': manifest({ '../x': '' }) }, /points outside the package/],
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
    /not valid text in the encoding/,
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
  ['no descriptor', { 'a.vmdk': ONE }, /does not contain an OVF descriptor/],
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
    message: expect.stringMatching(/two\.vmdk is a link that points outside/),
  });
  await writeFile(path, ovf({ two: 'ovf:href="up/two.vmdk"' }));
  await symlink(folder.path, join(root, 'up'));
  await expect(openPackage(path)).rejects.toThrow(/points outside/);
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
