import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readdirSync, statSync } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EXPORT_FORMATS } from '../../../../src/operations/export/types.ts';
import { testWithOracle } from '../../../oracles/oracle.ts';
import { outputOf } from '../../../oracles/run-program.ts';
import { mixedContent, writeRawFile } from '../../../server/content-source.ts';
import { startTestServer } from '../../../server/test-server.ts';
import { leftOnServer, NOTHING_LEFT, runExport, ScratchFolder } from '../export-run.ts';
import {
  CONTENTS,
  expectRightDescriptor,
  expectRightManifest,
  expectSameContent,
  listTar,
  THREE_DISKS,
} from '../package-checks.ts';

const MiB = 1 << 20;
const DISKS = ['web-disk-1.vmdk', 'web-disk-2.vmdk', 'web-disk-3.vmdk'];
const MEMBERS = [...DISKS, 'web.nvram'];

testWithOracle('qemu-img', 'an ovf export holds what the disks hold', async ({ 'qemu-img': qemuImg }) => {
  await using server = await startTestServer({ vms: [THREE_DISKS] });
  await using scratch = await ScratchFolder.make();
  const { error, result } = await runExport(server, scratch, { format: 'ovf' });
  expect(error).toBeUndefined();
  expect(await scratch.files()).toEqual([...DISKS, 'web.mf', 'web.nvram', 'web.ovf']);
  await expectRightManifest(scratch.output, 'web.mf', ['web.ovf', ...MEMBERS]);
  await expectRightDescriptor(scratch.output, 'web.ovf', MEMBERS);
  expect(await readFile(join(scratch.output, 'web.nvram'))).toEqual(THREE_DISKS.nvram);
  for (const [index, content] of CONTENTS.entries()) {
    await expectSameContent(qemuImg, join(scratch.output, DISKS[index] ?? ''), content);
  }
  for (const { path, sizeBytes } of result?.exported[0]?.files ?? []) expect((await stat(path)).size).toBe(sizeBytes);
  expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  expect(server.state().leases).toMatchObject([{ outcome: 'completed' }]);
});

testWithOracle(
  'qemu-img',
  'an ova is one tar in the order of OVF, and as good inside',
  async ({ 'qemu-img': qemuImg }) => {
    await using server = await startTestServer({ vms: [THREE_DISKS] });
    await using scratch = await ScratchFolder.make();
    const { error, result } = await runExport(server, scratch, { format: 'ova', parallel: 3 });
    expect(error).toBeUndefined();
    expect(await scratch.files()).toEqual(['web.ova']);
    const ova = join(scratch.output, 'web.ova');
    expect(result?.exported[0]?.files).toMatchObject([{ path: ova, sizeBytes: (await stat(ova)).size }]);
    const members = await listTar(ova);
    expect(members.map(({ name }) => name)).toEqual(['web.ovf', ...MEMBERS, 'web.mf']);
    const inside = join(scratch.path, 'inside');
    await mkdir(inside);
    await outputOf('tar', ['-xf', ova, '-C', inside]);
    await expectRightManifest(inside, 'web.mf', ['web.ovf', ...MEMBERS]);
    await expectRightDescriptor(inside, 'web.ovf', MEMBERS);
    expect(await readFile(join(inside, 'web.nvram'))).toEqual(THREE_DISKS.nvram);
    for (const [index, content] of CONTENTS.entries()) {
      await expectSameContent(qemuImg, join(inside, DISKS[index] ?? ''), content);
    }
  },
);

testWithOracle('qemu-img', 'a vmdk export is the disks with a manifest', async ({ 'qemu-img': qemuImg }) => {
  await using server = await startTestServer({ vms: [THREE_DISKS] });
  await using scratch = await ScratchFolder.make();
  const { error } = await runExport(server, scratch, { format: 'vmdk' });
  expect(error).toBeUndefined();
  expect(await scratch.files()).toEqual([...DISKS, 'web.mf', 'web.nvram']);
  await expectRightManifest(scratch.output, 'web.mf', MEMBERS);
  for (const [index, content] of CONTENTS.entries()) {
    await expectSameContent(qemuImg, join(scratch.output, DISKS[index] ?? ''), content);
  }
  expect(server.state().calls.map(({ method }) => method)).not.toContain('CreateDescriptor');
});

testWithOracle('qemu-img', 'a stream that qemu-img made arrives byte for byte', async ({ 'qemu-img': qemuImg }) => {
  await using scratch = await ScratchFolder.make();
  const content = mixedContent(5 * MiB + 3 * 512, 'by qemu-img');
  const [raw, file] = [join(scratch.path, 'source.raw'), join(scratch.path, 'source.vmdk')];
  await writeRawFile(content, raw);
  await outputOf(qemuImg, ['convert', '-f', 'raw', '-O', 'vmdk', '-o', 'subformat=streamOptimized', raw, file]);
  const disks = [{ content: { file, capacityBytes: content.capacityBytes } }];
  await using server = await startTestServer({ vms: [{ name: 'web', disks }] });
  const { error } = await runExport(server, scratch);
  expect(error).toBeUndefined();
  const arrived = join(scratch.output, 'web-disk-1.vmdk');
  expect((await readFile(arrived)).equals(await readFile(file))).toBe(true);
  await expectSameContent(qemuImg, arrived, content);
});

test.concurrent(
  'eleven disks are numbered in the order of their controllers and units, however the server lists them',
  async () => {
    const controllers = ['lsilogic', 'pvscsi', 'sata', 'nvme'] as const;
    const contents = Array.from({ length: 11 }, (_, index) => mixedContent((index + 1) * 128 * 1024, `disk ${index}`));
    const disks = contents.map((content, index) => ({ content, controller: controllers[index % 4] ?? 'sata' }));
    await using server = await startTestServer({ vms: [{ name: 'many', disks }] });
    await using scratch = await ScratchFolder.make();
    const { error } = await runExport(server, scratch, { format: 'ova' });
    expect(error).toBeUndefined();
    const names = contents.map((_, index) => `many-disk-${index + 1}.vmdk`);
    const ova = join(scratch.output, 'many.ova');
    expect((await listTar(ova)).map(({ name }) => name)).toEqual(['many.ovf', ...names, 'many.mf']);
    const descriptor = await outputOf('tar', ['-xOf', ova, 'many.ovf']);
    const capacities = [
      ...descriptor.matchAll(/<Disk ovf:capacity="(\d+)" ovf:capacityAllocationUnits="byte \* 2\^(\d+)"/g),
    ];
    expect(capacities.map(([, number, power]) => Number(number) * 2 ** Number(power))).toEqual(
      controllers
        .flatMap((_, at) => contents.filter((_content, index) => index % 4 === at))
        .map((disk) => disk.capacityBytes),
    );
  },
);

test.concurrent.each(['sha256', 'sha1', 'none'] as const)(
  'a server whose manifest offers %s is exported from',
  async (manifest) => {
    await using server = await startTestServer({ manifest, vms: [THREE_DISKS] });
    await using scratch = await ScratchFolder.make();
    const { error } = await runExport(server, scratch);
    expect(error).toBeUndefined();
    await expectRightManifest(scratch.output, 'web.mf', ['web.ovf', ...MEMBERS]);
  },
);

test.concurrent.each(['Büro/50% "alt"', '-rf', '..', 'a\\b', '日本語 VM', 'x'.repeat(80)])(
  'a VM named %j becomes files with safe names inside the output folder',
  async (name) => {
    await using server = await startTestServer({ vms: [{ ...THREE_DISKS, name }] });
    await using scratch = await ScratchFolder.make();
    const { error, result } = await runExport(server, scratch, { vms: [name] });
    expect(error).toBeUndefined();
    const files = await scratch.files();
    expect(files).toHaveLength(6);
    for (const file of files) expect(file).not.toMatch(/^[-.]|[/\\]/);
    expect(result?.exported[0]?.vm).toBe(name);
    const manifest = files.find((file) => file.endsWith('.mf')) ?? '';
    await expectRightManifest(
      scratch.output,
      manifest,
      files.filter((file) => file !== manifest),
    );
  },
);

/** Returns the distinct modes of all files in a folder, in octal. */
function modesIn(folder: string): string[] {
  return [...new Set(readdirSync(folder).map((name) => (statSync(join(folder, name)).mode & 0o777).toString(8)))];
}

describe('whatever the umask is', () => {
  const umask = process.umask();
  beforeEach(() => void process.umask(0));
  afterEach(() => void process.umask(umask));

  test.each(EXPORT_FORMATS)(
    'the files of an export as %s are closed to others, before and after they have their names',
    async (format) => {
      await using server = await startTestServer({ vms: [THREE_DISKS] });
      await using scratch = await ScratchFolder.make();
      const partial: string[][] = [];
      const onEvent = ({ type }: { type: string }): void => {
        if (type === 'disk-progress' || type === 'disk-complete') partial.push(modesIn(scratch.output));
      };
      expect((await runExport(server, scratch, { format, onEvent })).error).toBeUndefined();
      expect(partial.length).toBeGreaterThan(0);
      expect(new Set(partial.flat())).toEqual(new Set(['600']));
      expect(modesIn(scratch.output)).toEqual(['600']);
    },
  );

  test.each(EXPORT_FORMATS)('the files of an export as %s have the mode that was asked for', async (format) => {
    process.umask(0o077);
    await using server = await startTestServer({ vms: [THREE_DISKS] });
    await using scratch = await ScratchFolder.make();
    expect((await runExport(server, scratch, { format, mode: 0o640 })).error).toBeUndefined();
    expect(modesIn(scratch.output)).toEqual(['640']);
  });
});
