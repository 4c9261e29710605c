import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { createFolderPackage } from '../../../src/ovf/write/folder-package.ts';
import { FOREIGN_LEFTOVERS } from '../../foreign-leftovers.ts';
import { testUnless } from '../../oracles/skips.ts';
import { DISK_HINTS, addMember, listing, pattern, sha256, temporaryFolder, verifyManifest } from '../package-folder.ts';

const signal = new AbortController().signal;
const DISK = pattern(3_000_001);

test('members stay partial until the end, then all files have their names and the manifest is true', async () => {
  await using folder = await temporaryFolder();
  const out = join(folder.path, 'new', 'place');
  const writer = await createFolderPackage({ folder: out, baseName: 'vm', force: false });
  const [two, one] = await Promise.all([
    writer.openMember('vm-disk-10.vmdk', DISK_HINTS),
    writer.openMember('vm-disk-2.vmdk', DISK_HINTS),
  ]);
  for (let at = 0; at < DISK.length; at += 50_000) {
    await Promise.all([one.write(DISK.subarray(at, at + 50_000)), two.write(DISK.subarray(at, at + 50_000))]);
  }
  await Promise.all([two.commit(sha256(DISK)), one.commit(sha256(DISK))]);
  await addMember(writer, 'vm.nvram', Buffer.from('nvram'));
  expect(await listing(out)).toEqual(['vm-disk-10.vmdk.partial', 'vm-disk-2.vmdk.partial', 'vm.nvram.partial']);
  const files = await writer.finish({ descriptor: '<Envelope/>' });
  const names = ['vm-disk-2.vmdk', 'vm-disk-10.vmdk', 'vm.nvram', 'vm.mf', 'vm.ovf'];
  expect(files.map((file) => file.path)).toEqual(names.map((name) => join(out, name)));
  expect(await listing(out)).toEqual(names.toSorted());
  expect(await verifyManifest(out, 'vm.mf')).toEqual(['vm.ovf', 'vm-disk-2.vmdk', 'vm-disk-10.vmdk', 'vm.nvram']);
  expect(files[0]).toMatchObject({ sizeBytes: DISK.length, sha256: sha256(DISK) });
  expect(DISK.equals(await readFile(join(out, 'vm-disk-2.vmdk')))).toBe(true);
  await writer.discard({ keepComplete: false });
  expect(await listing(out)).toHaveLength(5);
});

test('bare disks get a manifest and no descriptor', async () => {
  await using folder = await temporaryFolder();
  const writer = await createFolderPackage({ folder: folder.path, baseName: 'vm', force: false });
  await addMember(writer, 'vm-disk-1.vmdk', DISK, 4_000_000);
  await writer.finish({ descriptor: undefined });
  expect(await listing(folder.path)).toEqual(['vm-disk-1.vmdk', 'vm.mf']);
});

test('a name that is taken is refused, and nothing gets its final name', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'vm.mf'), 'mine');
  const writer = await createFolderPackage({ folder: folder.path, baseName: 'vm', force: false });
  await addMember(writer, 'a.vmdk', DISK);
  await expect(writer.finish({ descriptor: 'x' })).rejects.toMatchObject({
    kind: 'local-file',
    message: `${join(folder.path, 'vm.mf')} already exists.`,
  });
  await writer.discard({ keepComplete: true });
  expect(await listing(folder.path)).toEqual(['a.vmdk.partial', 'vm.mf']);
  expect(await readFile(join(folder.path, 'vm.mf'), 'utf8')).toBe('mine');
});

test('a folder in the place of a file is not replaced, with force either', async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'vm.mf', 'full'), { recursive: true });
  const writer = await createFolderPackage({ folder: folder.path, baseName: 'vm', force: true });
  await addMember(writer, 'a.vmdk', DISK);
  await expect(writer.finish({ descriptor: 'x' })).rejects.toMatchObject({ kind: 'local-file' });
  await writer.discard({ keepComplete: true });
  expect(await listing(folder.path)).toEqual(['a.vmdk.partial', 'vm.mf']);
});

test('with force the files of an earlier export are replaced', async () => {
  await using folder = await temporaryFolder();
  for (const content of ['old', 'new']) {
    const writer = await createFolderPackage({ folder: folder.path, baseName: 'vm', force: content === 'new' });
    await addMember(writer, 'a.vmdk', Buffer.from(content));
    await writer.finish({ descriptor: content });
  }
  expect(await readFile(join(folder.path, 'a.vmdk'), 'utf8')).toBe('new');
  expect(await verifyManifest(folder.path, 'vm.mf')).toEqual(['vm.ovf', 'a.vmdk']);
});

test('a discarded member starts again from nothing, a leftover or a link in its place is not written through', async () => {
  await using folder = await temporaryFolder();
  const victim = join(folder.path, 'victim');
  await writeFile(victim, 'safe');
  await symlink(victim, join(folder.path, 'a.vmdk.partial'));
  const writer = await createFolderPackage({ folder: folder.path, baseName: 'vm', force: false });
  const first = await writer.openMember('a.vmdk', DISK_HINTS);
  await first.write(DISK);
  await first.discard();
  expect(await listing(folder.path)).toEqual(['victim']);
  await addMember(writer, 'a.vmdk', Buffer.from('short'));
  await writer.finish({ descriptor: undefined });
  expect(await readFile(join(folder.path, 'a.vmdk'), 'utf8')).toBe('short');
  expect(await readFile(victim, 'utf8')).toBe('safe');
});

test('whole members are kept for the next run, which adopts only what reads back the same', async () => {
  await using folder = await temporaryFolder();
  const options = { folder: folder.path, baseName: 'vm', force: false };
  const first = await createFolderPackage(options);
  const good = await addMember(first, 'good.vmdk', DISK);
  const bad = await addMember(first, 'bad.vmdk', DISK);
  const short = await addMember(first, 'short.vmdk', DISK);
  await (await first.openMember('open.vmdk', DISK_HINTS)).write(DISK);
  await first.discard({ keepComplete: true });
  expect(await listing(folder.path)).toEqual(['bad.vmdk.partial', 'good.vmdk.partial', 'short.vmdk.partial']);
  const damaged = Buffer.from(DISK);
  damaged[2_000_000] = 1 ^ (DISK[2_000_000] ?? 0);
  await writeFile(join(folder.path, 'bad.vmdk.partial'), damaged);
  await writeFile(join(folder.path, 'short.vmdk.partial'), DISK.subarray(1));
  const second = await createFolderPackage(options);
  const gone = { ...good, name: 'gone.vmdk' };
  const adopted = [];
  for (const record of [good, bad, short, gone]) adopted.push(await second.adoptMember(record, signal));
  expect(adopted).toEqual([true, false, false, false]);
  expect(await listing(folder.path)).toEqual(['good.vmdk.partial']);
  await second.finish({ descriptor: 'x' });
  expect(await verifyManifest(folder.path, 'vm.mf')).toEqual(['vm.ovf', 'good.vmdk']);
});

for (const [what, replace, need] of FOREIGN_LEFTOVERS) {
  testUnless(need, `a member that ${what} is not adopted`, async () => {
    await using folder = await temporaryFolder();
    const out = join(folder.path, 'out');
    const options = { folder: out, baseName: 'vm', force: false };
    const first = await createFolderPackage(options);
    const record = await addMember(first, 'a.vmdk', DISK);
    await first.discard({ keepComplete: true });
    await replace(join(out, 'a.vmdk.partial'));
    const second = await createFolderPackage(options);
    expect(await second.adoptMember(record, signal)).toBe(false);
    expect(await listing(out)).toEqual([]);
    if ((await listing(folder.path)).includes('elsewhere'))
      expect(DISK.equals(await readFile(join(folder.path, 'elsewhere')))).toBe(true);
  });
}

test('an aborted adoption leaves the member where it is', async () => {
  await using folder = await temporaryFolder();
  const options = { folder: folder.path, baseName: 'vm', force: false };
  const first = await createFolderPackage(options);
  const record = await addMember(first, 'a.vmdk', DISK);
  await first.discard({ keepComplete: true });
  const second = await createFolderPackage(options);
  const reason = new Error('stop');
  await expect(second.adoptMember(record, AbortSignal.abort(reason))).rejects.toBe(reason);
  await second.discard({ keepComplete: true });
  expect(await listing(folder.path)).toEqual(['a.vmdk.partial']);
});

test('a discard of everything removes the folders that were made for it, and no others', async () => {
  await using folder = await temporaryFolder();
  const writer = await createFolderPackage({ folder: join(folder.path, 'a', 'b'), baseName: 'vm', force: false });
  await addMember(writer, 'a.vmdk', DISK);
  await (await writer.openMember('b.vmdk', DISK_HINTS)).write(DISK);
  await writer.discard({ keepComplete: false });
  await writer.discard({ keepComplete: false });
  expect(await listing(folder.path)).toEqual([]);
});

test.each(['../x', 'a/b', '', '.', '..', 'a\nb', 'a\0b', 'vm.ovf', 'vm.mf', 'x'.repeat(250)])(
  'the member name %j is refused',
  async (name) => {
    await using folder = await temporaryFolder();
    const writer = await createFolderPackage({ folder: folder.path, baseName: 'vm', force: false });
    await expect(writer.openMember(name, DISK_HINTS)).rejects.toMatchObject({ kind: 'internal' });
    expect(await listing(folder.path)).toEqual([]);
  },
);
