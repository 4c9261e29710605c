import { execFileSync } from 'node:child_process';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { FOREIGN_LEFTOVERS } from '../../foreign-leftovers.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { outputOf } from '../../oracles/run-program.ts';
import { testUnless } from '../../oracles/skips.ts';
import { createOvaPackage } from '../../../src/ovf/write/ova-package.ts';
import type { PackageWriter } from '../../../src/ovf/write/package-writer.ts';
import { DISK_HINTS, addMember, listing, pattern, temporaryFolder, verifyManifest } from '../package-folder.ts';

const signal = new AbortController().signal;
const DISK = pattern(3_000_001);
const DESCRIPTOR = '<?xml version="1.0"?>\n<Envelope/>';
const RESERVED = 64 * 1024;

const create = (folder: string, more: object = {}): Promise<PackageWriter> =>
  createOvaPackage({ folder, baseName: 'vm', force: false, reservedDescriptorBytes: RESERVED, ...more });

/** Unpacks an OVA with the tar program. Returns the names of its members, in order. */
async function unpack(ova: string, into: string): Promise<string[]> {
  await mkdir(into, { recursive: true });
  const env = { ...process.env, LC_ALL: 'C.UTF-8' };
  execFileSync('tar', ['-xf', ova, '-C', into], { env });
  const list = execFileSync('tar', ['--quoting-style=literal', '-tf', ova], { env, encoding: 'utf8' });
  return list.trimEnd().split('\n');
}

test('the tar holds descriptor, members and manifest in order, as tar reads it', async () => {
  await using folder = await temporaryFolder();
  const writer = await create(folder.path);
  expect(writer.maxOpenMembers).toBe(1);
  const first = await addMember(writer, 'vm-disk-1.vmdk', DISK);
  const second = await addMember(writer, 'vm-disk-2.vmdk', pattern(1024, 7));
  await addMember(writer, 'vm.nvram', Buffer.alloc(0));
  expect(await listing(folder.path)).toEqual(['vm.ova.partial']);
  const [ova] = await writer.finish({ descriptor: DESCRIPTOR });
  expect(await listing(folder.path)).toEqual(['vm.ova']);
  const path = join(folder.path, 'vm.ova');
  const bytes = await readFile(path);
  expect(ova).toEqual({ path, sizeBytes: bytes.length });
  expect(bytes.length % 10_240).toBe(0);
  const out = join(folder.path, 'out');
  expect(await unpack(path, out)).toEqual(['vm.ovf', 'vm-disk-1.vmdk', 'vm-disk-2.vmdk', 'vm.nvram', 'vm.mf']);
  expect(await verifyManifest(out, 'vm.mf')).toEqual(['vm.ovf', 'vm-disk-1.vmdk', 'vm-disk-2.vmdk', 'vm.nvram']);
  expect(DISK.equals(await readFile(join(out, 'vm-disk-1.vmdk')))).toBe(true);
  const text = await readFile(join(out, 'vm.ovf'), 'utf8');
  expect(text).toHaveLength(RESERVED);
  expect(text.trimEnd()).toBe(DESCRIPTOR);
  expect(first.offsetBytes).toBe(512 + RESERVED);
  expect(second.offsetBytes).toBe(512 + RESERVED + 512 + 3_000_320);
});

testWithOracle('python3', 'python’s tarfile reads the same', async ({ python3 }) => {
  await using folder = await temporaryFolder();
  const long = `${'ä'.repeat(70)} (1).vmdk`;
  const writer = await create(folder.path);
  await addMember(writer, long, DISK);
  await addMember(writer, 'kürz "q".nvram', Buffer.from('n'));
  await writer.finish({ descriptor: DESCRIPTOR });
  const script = 'import sys,tarfile\nfor m in tarfile.open(sys.argv[1], "r:"): print(m.name, m.size, oct(m.mode))';
  const ova = join(folder.path, 'vm.ova');
  const list = await outputOf(python3, ['-X', 'utf8', '-c', script, ova]);
  expect(list.split('\n')[1]).toBe(`${long} ${DISK.length} 0o644`);
  expect(list.split('\n')[2]).toBe('kürz "q".nvram 1 0o644');
});

test('long and non-ASCII names come out of tar as they went in', async () => {
  await using folder = await temporaryFolder();
  const names = [
    `${'x'.repeat(99)}1`,
    `${'x'.repeat(100)}2`,
    `${'é'.repeat(110)}.vmdk`,
    '日本 (語) "x"\'.vmdk',
    'a)= b.vmdk',
  ];
  const writer = await create(folder.path, { baseName: 'n'.repeat(120) });
  for (const [index, name] of names.entries()) await addMember(writer, name, pattern(1000 + index));
  const [ova] = await writer.finish({ descriptor: DESCRIPTOR });
  const out = join(folder.path, 'out');
  expect((await unpack(ova?.path ?? '', out)).slice(1, -1)).toEqual(names);
  expect((await verifyManifest(out, `${'n'.repeat(120)}.mf`)).slice(1)).toEqual(names);
});

test('a descriptor longer than its place moves what was written', async () => {
  await using folder = await temporaryFolder();
  for (const [length, reserved] of [
    [5000, 512],
    [3_000_000, 1024],
    [512, 512],
  ] as const) {
    const writer = await create(folder.path, { reservedDescriptorBytes: reserved, force: true });
    await addMember(writer, 'a.vmdk', DISK);
    await addMember(writer, 'b.vmdk', pattern(777, 3));
    const descriptor = 'd'.repeat(length);
    const [ova] = await writer.finish({ descriptor });
    const out = join(folder.path, `out-${length}`);
    expect(await unpack(ova?.path ?? '', out)).toEqual(['vm.ovf', 'a.vmdk', 'b.vmdk', 'vm.mf']);
    expect(await verifyManifest(out, 'vm.mf')).toEqual(['vm.ovf', 'a.vmdk', 'b.vmdk']);
    expect((await readFile(join(out, 'vm.ovf'), 'utf8')).trimEnd()).toBe(descriptor);
    expect(DISK.equals(await readFile(join(out, 'a.vmdk')))).toBe(true);
  }
});

test('a discarded member leaves no trace in the tar', async () => {
  await using folder = await temporaryFolder();
  const writer = await create(folder.path);
  await addMember(writer, 'a.vmdk', DISK);
  const { size } = await stat(join(folder.path, 'vm.ova.partial'));
  const bad = await writer.openMember('b.vmdk', DISK_HINTS);
  for (let round = 0; round < 3; round++) await bad.write(DISK);
  await bad.discard();
  expect((await stat(join(folder.path, 'vm.ova.partial'))).size).toBe(size);
  await addMember(writer, 'b.vmdk', pattern(10));
  await writer.finish({ descriptor: DESCRIPTOR });
  expect(await unpack(join(folder.path, 'vm.ova'), join(folder.path, 'out'))).toEqual([
    'vm.ovf',
    'a.vmdk',
    'b.vmdk',
    'vm.mf',
  ]);
});

test('one member at a time, each name once, and none may be open at the end', async () => {
  await using folder = await temporaryFolder();
  const writer = await create(folder.path);
  const [first, second] = await Promise.allSettled([
    writer.openMember('a.vmdk', DISK_HINTS),
    writer.openMember('b.vmdk', DISK_HINTS),
  ]);
  expect([first.status, second.status]).toEqual(['fulfilled', 'rejected']);
  await expect(writer.finish({ descriptor: DESCRIPTOR })).rejects.toMatchObject({ kind: 'internal' });
  await writer.discard({ keepComplete: true });
  expect(await listing(folder.path)).toEqual([]);
  const other = await create(folder.path);
  await addMember(other, 'a.vmdk', DISK);
  await expect(other.openMember('a.vmdk', DISK_HINTS)).rejects.toMatchObject({ kind: 'internal' });
  await other.discard({ keepComplete: false });
});

test('the next run adopts whole members in order, and cuts off what follows a bad one', async () => {
  await using folder = await temporaryFolder();
  const partial = join(folder.path, 'vm.ova.partial');
  const first = await create(folder.path);
  const records = [];
  for (const name of ['a.vmdk', 'b.vmdk', 'c.vmdk'])
    records.push(await addMember(first, name, pattern(1_500_000, name.charCodeAt(0))));
  await (await first.openMember('d.vmdk', DISK_HINTS)).write(DISK);
  await first.discard({ keepComplete: true });

  // Opening the partial archive and discarding the package leaves the archive unchanged.
  const look = await create(folder.path);
  await look.discard({ keepComplete: true });

  const bytes = await readFile(partial);
  const place = (records[1]?.offsetBytes ?? 0) + 512 + 1_000_000;
  bytes[place] = 1 ^ (bytes[place] ?? 0);
  await writeFile(partial, bytes);
  const second = await create(folder.path);
  const adopted = [];
  for (const record of records) adopted.push(await second.adoptMember(record, signal));
  expect(adopted).toEqual([true, false, false]);
  expect((await stat(partial)).size).toBe(records[1]?.offsetBytes);
  await addMember(second, 'b.vmdk', DISK);
  await second.finish({ descriptor: DESCRIPTOR });
  const out = join(folder.path, 'out');
  expect(await unpack(join(folder.path, 'vm.ova'), out)).toEqual(['vm.ovf', 'a.vmdk', 'b.vmdk', 'vm.mf']);
  expect(await verifyManifest(out, 'vm.mf')).toEqual(['vm.ovf', 'a.vmdk', 'b.vmdk']);
});

for (const [what, replace, need] of FOREIGN_LEFTOVERS) {
  const outcome = what === 'is a link' ? 'is refused' : 'is replaced by a new one';
  testUnless(need, `a tar of an earlier run that ${what} ${outcome}`, async () => {
    await using folder = await temporaryFolder();
    const out = join(folder.path, 'out');
    const partial = join(out, 'vm.ova.partial');
    const first = await create(out);
    const record = await addMember(first, 'a.vmdk', DISK);
    await first.discard({ keepComplete: true });
    const before = await readFile(partial);
    await replace(partial);
    if (what === 'is a link') {
      await expect(create(out)).rejects.toMatchObject({
        kind: 'local-file',
        message: expect.stringContaining(partial),
      });
    } else {
      const second = await create(out);
      expect(await second.adoptMember(record, signal)).toBe(false);
      await addMember(second, 'b.vmdk', DISK);
      expect(await stat(partial)).toMatchObject({ mode: 0o100600, uid: process.getuid?.(), nlink: 1 });
      await second.discard({ keepComplete: false });
    }
    if ((await listing(folder.path)).includes('elsewhere'))
      expect(before.equals(await readFile(join(folder.path, 'elsewhere')))).toBe(true);
  });
}

test('a named pipe in the place of the tar is refused, without waiting for a reader', async () => {
  await using folder = await temporaryFolder();
  const partial = join(folder.path, 'vm.ova.partial');
  execFileSync('mkfifo', [partial]);
  await expect(create(folder.path)).rejects.toMatchObject({
    kind: 'local-file',
    message: `${partial} is not a file.`,
  });
});

test('a tar laid out otherwise is not adopted', async () => {
  await using folder = await temporaryFolder();
  const first = await create(folder.path);
  const record = await addMember(first, 'a.vmdk', DISK);
  await first.discard({ keepComplete: true });
  const second = await create(folder.path, { reservedDescriptorBytes: 1024 });
  expect(await second.adoptMember(record, signal)).toBe(false);
  await second.discard({ keepComplete: true });
  expect(await listing(folder.path)).toEqual([]);
});

test('an aborted adoption or finish leaves the members for the next run', async () => {
  await using folder = await temporaryFolder();
  const first = await create(folder.path);
  const record = await addMember(first, 'a.vmdk', DISK);
  const aborted = AbortSignal.abort(new Error('stop'));
  await expect(first.finish({ descriptor: DESCRIPTOR }, aborted)).rejects.toThrow('stop');
  await first.discard({ keepComplete: true });
  const second = await create(folder.path);
  await expect(second.adoptMember(record, aborted)).rejects.toThrow('stop');
  await second.discard({ keepComplete: true });
  const third = await create(folder.path);
  expect(await third.adoptMember(record, signal)).toBe(true);
  await third.discard({ keepComplete: false });
  expect(await listing(folder.path)).toEqual([]);
});

test('a name that is taken is refused, and the members stay for the next run', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'vm.ova'), 'mine');
  const writer = await create(folder.path);
  const record = await addMember(writer, 'a.vmdk', DISK);
  await expect(writer.finish({ descriptor: DESCRIPTOR })).rejects.toMatchObject({ kind: 'local-file' });
  await writer.discard({ keepComplete: true });
  expect(await readFile(join(folder.path, 'vm.ova'), 'utf8')).toBe('mine');
  const forced = await create(folder.path, { force: true });
  expect(await forced.adoptMember(record, signal)).toBe(true);
  await forced.finish({ descriptor: DESCRIPTOR });
  expect(await listing(folder.path)).toEqual(['vm.ova']);
});
