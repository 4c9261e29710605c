import { expect, test } from '@jest/globals';
import { hash } from 'node:crypto';
import { copyFile, link, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startTestServer } from '../../server/test-server.ts';
import { mixedContent } from '../../server/content-source.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { runExport, ScratchFolder } from '../export/export-run.ts';
import { qemu, runConvert } from './convert-run.ts';

const MiB = 1 << 20;
const USAGE = { kind: 'usage', message: expect.stringMatching(/would overwrite its own source/) };

/** Creates `out/web.ovf` with its disks and its manifest. */
async function makePackage(scratch: ScratchFolder, disks: number): Promise<string> {
  const contents = Array.from({ length: disks }, (_, at) => ({ content: mixedContent(MiB, `disk ${at}`) }));
  await using server = await startTestServer({ vms: [{ name: 'web', disks: contents }] });
  const { error } = await runExport(server, scratch, { format: 'ovf' });
  expect(error).toBeUndefined();
  return join(scratch.output, 'web.ovf');
}

/** Returns the name and a hash of each file. */
async function contentsOf(folder: string): Promise<string[][]> {
  const names = (await readdir(folder)).toSorted();
  return Promise.all(names.map(async (name) => [name, hash('sha256', await readFile(join(folder, name)))]));
}

test('with force no file of a package is replaced: not its other disks, its manifest, nor its descriptor', async () => {
  await using scratch = await ScratchFolder.make();
  const source = await makePackage(scratch, 2);
  // The domain file is named after the VM.
  const misnamed = join(scratch.output, 'web.xml');
  await copyFile(source, misnamed);
  const before = await contentsOf(scratch.output);
  const output = (name: string) => join(scratch.output, name);
  for (const name of ['web-disk-1.vmdk', 'web-disk-2.vmdk', 'web.mf', 'web.ovf']) {
    await expect(runConvert({ source, disks: [1], output: output(name), force: true })).rejects.toMatchObject(USAGE);
  }
  await expect(runConvert({ source, format: 'vmdk', output: scratch.output, force: true })).rejects.toMatchObject(
    USAGE,
  );
  await expect(runConvert({ source: misnamed, output: scratch.output, force: true })).rejects.toMatchObject(USAGE);
  expect(await contentsOf(scratch.output)).toEqual(before);
});

test('a source is known by its inode: through links, and under the name of a leftover', async () => {
  await using scratch = await ScratchFolder.make();
  const path = (name: string) => join(scratch.path, name);
  const source = path('disk.raw');
  await writeFile(source, Buffer.alloc(MiB, 'what a guest writes'));
  await link(source, path('hard.qcow2'));
  await symlink('disk.raw', path('soft.qcow2'));
  await link(source, path('left.qcow2.partial'));
  const before = await contentsOf(scratch.path);
  for (const name of ['hard.qcow2', 'soft.qcow2', 'left.qcow2']) {
    await expect(runConvert({ source, inputFormat: 'raw', output: path(name), force: true })).rejects.toMatchObject(
      USAGE,
    );
  }
  expect(await contentsOf(scratch.path)).toEqual(before);
});

testWithOracle('qemu-img', 'with force no extent and no parent of the source is replaced', async (oracles) => {
  await using scratch = await ScratchFolder.make();
  const path = (name: string) => join(scratch.path, name);
  const make = (...args: string[]) => qemu(oracles['qemu-img'], 'create', '-q', ...args);
  await make('-f', 'vmdk', '-o', 'subformat=monolithicFlat', path('flat.vmdk'), '1M');
  await make('-f', 'qcow2', path('base.qcow2'), '1M');
  await make('-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', path('top.qcow2'));
  const before = await contentsOf(scratch.path);
  for (const [source, output] of [
    ['flat.vmdk', 'flat-flat.vmdk'],
    ['top.qcow2', 'base.qcow2'],
  ] as const) {
    const options = { source: path(source), output: path(output), force: true };
    await expect(runConvert(options)).rejects.toMatchObject(USAGE);
  }
  expect(await contentsOf(scratch.path)).toEqual(before);
});

test('one name for the image and the domain is refused', async () => {
  await using scratch = await ScratchFolder.make();
  const source = await makePackage(scratch, 1);
  await expect(runConvert({ source, output: join(scratch.path, 'web.xml') })).rejects.toMatchObject({
    kind: 'usage',
    message: expect.stringMatching(/web\.xml would be both the image and the libvirt domain/),
  });
  expect(await readdir(scratch.path)).not.toContainEqual(expect.stringMatching(/^web\.xml/));
});

test('what cannot be replaced is told before any work: a folder with force, a link to nothing without', async () => {
  await using scratch = await ScratchFolder.make();
  const source = join(scratch.path, 'disk.raw');
  await writeFile(source, Buffer.alloc(MiB));
  const output = join(scratch.path, 'kvm/');
  await mkdir(join(output, 'disk.qcow2'), { recursive: true });
  await symlink('nowhere', join(output, 'disk.raw'));
  const events: string[] = [];
  const convertTo = (format: 'qcow2' | 'raw', force: boolean) =>
    runConvert({ source, inputFormat: 'raw', output, format, force }, undefined, ({ type }) => events.push(type));
  await expect(convertTo('qcow2', true)).rejects.toMatchObject({
    kind: 'local-file',
    message: expect.stringMatching(/disk\.qcow2 is a folder, which --force does not overwrite/),
  });
  await expect(convertTo('raw', false)).rejects.toMatchObject({ message: expect.stringMatching(/disk\.raw exists/) });
  expect(events.filter((type) => type.startsWith('disk'))).toEqual([]);
  expect((await readdir(output)).toSorted()).toEqual(['disk.qcow2', 'disk.raw']);
});

test('leftovers of all results go before the first one is written, and a folder in their place is told', async () => {
  await using scratch = await ScratchFolder.make();
  const source = await makePackage(scratch, 2);
  const output = join(scratch.path, 'kvm/');
  await mkdir(output);
  const leftovers = ['web-disk-1.qcow2.partial', 'web-disk-2.qcow2.partial', 'web.xml.partial'];
  for (const name of leftovers) await writeFile(join(output, name), 'left');
  let seen: Promise<string[]> | undefined;
  await runConvert({ source, output }, undefined, ({ type }) => {
    if (type === 'disks') seen = readdir(output);
  });
  expect(await seen).toEqual([]);
  expect((await readdir(output)).toSorted()).toEqual(['web-disk-1.qcow2', 'web-disk-2.qcow2', 'web.xml']);
  await mkdir(join(output, 'web.xml.partial'));
  await expect(runConvert({ source, output, force: true })).rejects.toMatchObject({
    kind: 'local-file',
    message: expect.stringMatching(/web\.xml\.partial: it is a folder/),
  });
});

test('a name renames the files, and the VM in the domain; beside a file as output it is refused', async () => {
  await using scratch = await ScratchFolder.make();
  const source = await makePackage(scratch, 1);
  const output = join(scratch.path, 'kvm/');
  await runConvert({ source, output, format: 'raw', name: 'shop' });
  expect((await readdir(output)).toSorted()).toEqual(['shop-disk-1.raw', 'shop.xml']);
  expect(await readFile(join(output, 'shop.xml'), 'utf8')).toContain('<name>shop</name>');
  const disk = join(scratch.output, 'web-disk-1.vmdk');
  await runConvert({ source: disk, output, format: 'raw', name: 'shop' });
  expect(await readdir(output)).toContain('shop.raw');
  const twice = runConvert({ source: disk, output: join(output, 'other.raw'), format: 'raw', name: 'shop' });
  await expect(twice).rejects.toMatchObject({
    kind: 'usage',
    message: expect.stringMatching(/both give the name of the output file/),
  });
});

test('a name that the file system cannot hold is told before any work', async () => {
  await using scratch = await ScratchFolder.make();
  const source = join(scratch.path, 'disk.raw');
  await writeFile(source, Buffer.alloc(MiB));
  // The name of the file itself has 255 bytes, which is within the limit.
  const output = join(scratch.path, `${'x'.repeat(251)}.raw`);
  const events: string[] = [];
  await expect(
    runConvert({ source, inputFormat: 'raw', output, format: 'raw' }, undefined, ({ type }) => events.push(type)),
  ).rejects.toMatchObject({
    kind: 'local-file',
    message: expect.stringMatching(/cannot hold a file named "x+\.raw\.partial" \(ENAMETOOLONG\)/),
    hint: expect.stringContaining('--name NAME'),
  });
  expect(events.filter((type) => type.startsWith('disk'))).toEqual([]);
  expect(await readdir(scratch.path)).toEqual(['disk.raw']);
});
