import { describe, expect, test } from '@jest/globals';
import { chmod, readdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InterruptedError } from '../../../../src/base/errors.ts';
import { readDomain } from '../../../../src/domain/libvirt/read-domain.ts';
import type { ExportFormat } from '../../../../src/operations/export/types.ts';
import { emptyContent, mixedContent, randomContent } from '../../../server/content-source.ts';
import type { VmOptions } from '../../../server/options.ts';
import { startTestServer, type TestServer } from '../../../server/test-server.ts';
import {
  leftOnServer,
  NOTHING_LEFT,
  runExport,
  ScratchFolder,
  type ExportChoices,
  type ExportRun,
} from '../export-run.ts';
import { expectRightManifest, listTar, THREE_DISKS } from '../package-checks.ts';

const VM: VmOptions = {
  ...THREE_DISKS,
  disks: [
    { content: randomContent(1 << 20, 'first') },
    { content: emptyContent(1 << 20) },
    { content: mixedContent(1 << 20, 'third') },
  ],
};
const MEMBERS = ['web-disk-1.vmdk', 'web-disk-2.vmdk', 'web-disk-3.vmdk', 'web.nvram'];
const IMAGES = ['web-disk-1', 'web-disk-2', 'web-disk-3'];
const FINAL: Record<ExportFormat, string[]> = {
  ovf: ['web.ovf', 'web.mf', ...MEMBERS].toSorted(),
  vmdk: ['web.mf', ...MEMBERS].toSorted(),
  ova: ['web.ova'],
  qcow2: [...IMAGES.map((name) => `${name}.qcow2`), 'web.nvram', 'web.xml'],
  raw: [...IMAGES.map((name) => `${name}.raw`), 'web.nvram', 'web.xml'],
};
/** The file of the first disk after an interrupted export. */
const LEFTOVER: Record<ExportFormat, string> = {
  ovf: 'web-disk-1.vmdk.partial',
  vmdk: 'web-disk-1.vmdk.partial',
  ova: 'web.ova.partial',
  qcow2: 'web-disk-1.qcow2.partial',
  raw: 'web-disk-1.raw.partial',
};
const RECORD = '.web.hyper2kvm-resume';

/** Interrupts an export at its second disk, runs `between`, and exports again. */
async function resume(
  format: ExportFormat,
  between: (scratch: ScratchFolder, server: TestServer) => unknown = () => undefined,
  again: ExportChoices = {},
): Promise<{ first: ExportRun; second: ExportRun; kept: string[]; asked: Record<string, number>; files: string[] }> {
  await using server = await startTestServer({ vms: [VM] });
  await using scratch = await ScratchFolder.make();
  const options = { format, parallel: 1, retries: 0 };
  server.faults.add({ on: 'disk', target: 'disk-1.vmdk', action: 'status', status: 503, times: 100 });
  const first = await runExport(server, scratch, options);
  expect(first.error).toMatchObject({
    kind: 'transfer',
    hint: expect.stringMatching(/To resume, rerun the same command/),
  });
  expect(await scratch.files()).toEqual([RECORD, LEFTOVER[format]]);
  expect(first.result?.failed[0]?.keptForNextRun).toHaveLength(1);
  server.faults.clear();
  await between(scratch, server);
  const second = await runExport(server, scratch, { ...options, ...again });
  expect(second.error).toBeUndefined();
  expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  const kept = second.events.filter((event) => event.type === 'disk-kept').map(({ disk }) => disk);
  expect(second.result?.exported[0]?.keptDisks).toEqual(kept);
  const files = await scratch.files();
  expect(files).toEqual(FINAL[again.format ?? format]);
  if (files.includes('web.mf')) {
    await expectRightManifest(
      scratch.output,
      'web.mf',
      files.filter((name) => name !== 'web.mf'),
    );
  } else {
    const names = (await listTar(join(scratch.output, 'web.ova'))).map(({ name }) => name);
    expect(names).toEqual(['web.ovf', ...MEMBERS, 'web.mf']);
  }
  return { first, second, kept, asked: server.state().diskRequests, files };
}

async function changeByte(path: string, offset: number): Promise<void> {
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(offset) ^ 1, offset);
  await writeFile(path, bytes);
}

describe.each(['ovf', 'ova'] as const)('a broken %s export that is run again', (format) => {
  test.concurrent('keeps the disk that is whole and fetches the rest', async () => {
    const { kept, asked } = await resume(format);
    expect(kept).toEqual(['web-disk-1.vmdk']);
    expect(asked).toEqual({ 'disk-0.vmdk': 1, 'disk-1.vmdk': 2, 'disk-2.vmdk': 1, nvram: 1 });
  });

  test.concurrent('keeps nothing when the VM was changed meanwhile', async () => {
    const { kept, asked } = await resume(format, (_scratch, server) =>
      server.changeVm('web', { changeVersion: '2026-02-02T02:02:02.000000Z' }),
    );
    expect(kept).toEqual([]);
    expect(asked['disk-0.vmdk']).toBe(2);
  });

  const damages: [string, (leftover: string) => Promise<void>][] = [
    ['of which a bit has changed', (leftover) => changeByte(leftover, 300_000)],
    ['that was cut', (leftover) => truncate(leftover, 300_000)],
    ['that is gone', (leftover) => rm(leftover)],
  ];
  test.concurrent.each(damages)('fetches a disk again %s', async (_title, damage) => {
    const { kept, asked } = await resume(format, ({ output }) => damage(join(output, LEFTOVER[format])));
    expect(kept).toEqual([]);
    expect(asked['disk-0.vmdk']).toBe(2);
  });
});

test.concurrent('a link in the place of a leftover is not followed', async () => {
  const { kept } = await resume('ovf', async ({ path, output }) => {
    const [leftover, elsewhere] = [join(output, LEFTOVER.ovf), join(path, 'elsewhere')];
    await rename(leftover, elsewhere);
    await symlink(elsewhere, leftover);
  });
  expect(kept).toEqual([]);
});

test.concurrent.each(['', 'null', '{"version":1,"identity":"","files":[{"key":"a"}]}'])(
  'a record %j is none',
  async (text) => {
    const { kept } = await resume('ovf', ({ output }) => writeFile(join(output, RECORD), text));
    expect(kept).toEqual([]);
  },
);

test.concurrent('an export begins anew where every file is writable by everybody (docs/limits.md)', async () => {
  // As on NTFS, FAT and CIFS mounts.
  const { kept, asked } = await resume('ovf', async ({ output }) => {
    for (const name of await readdir(output)) await chmod(join(output, name), 0o777);
  });
  expect({ kept, asked: asked['disk-0.vmdk'] }).toEqual({ kept: [], asked: 2 });
});

test.concurrent('an export that is run again in another format leaves nothing of the first', async () => {
  expect((await resume('ovf', () => undefined, { format: 'ova' })).files).toEqual(FINAL.ova);
  expect((await resume('ova', () => undefined, { format: 'ovf' })).files).toEqual(FINAL.ovf);
  expect((await resume('ovf', () => undefined, { format: 'vmdk' })).kept).toEqual(['web-disk-1.vmdk']);
});

test.concurrent.each<[ExportFormat, ExportChoices]>([
  ['raw', { format: 'qcow2' }],
  ['qcow2', { format: 'raw' }],
  ['ovf', { format: 'qcow2' }],
  ['raw', { format: 'ovf' }],
  ['ova', { format: 'raw' }],
  ['qcow2', { format: 'qcow2', compression: 'fast' }],
])('a broken %s export resumes only disks that %j would have made too', async (format, again) => {
  await using server = await startTestServer({ vms: [VM] });
  await using scratch = await ScratchFolder.make();
  const options = { format, parallel: 1, retries: 0 };
  server.faults.add({ on: 'disk', target: 'disk-1.vmdk', action: 'status', status: 503 });
  expect((await runExport(server, scratch, options)).result?.failed[0]?.keptForNextRun).toHaveLength(1);
  const { error, result } = await runExport(server, scratch, { ...options, ...again });
  expect(error).toBeUndefined();
  expect(result?.exported[0]?.keptDisks).toEqual([]);
  expect(server.state().diskRequests).toMatchObject({ 'disk-0.vmdk': 2 });
  expect(await scratch.files()).toEqual(FINAL[again.format ?? format]);
  if (again.format === 'ovf') return;
  const domain = join(scratch.output, 'web.xml');
  const images = readDomain(await readFile(domain, 'utf8'), domain).disks.map(({ path }) => path);
  expect(images).toEqual(IMAGES.map((name) => join(scratch.output, `${name}.${again.format}`)));
  const magic = (await readFile(join(scratch.output, `web-disk-1.${again.format}`))).subarray(0, 4);
  expect(magic.equals(Buffer.from('QFI\xfb', 'latin1'))).toBe(again.format === 'qcow2');
});

test.concurrent('a disk that a killed run was at work on goes when the next run writes another format', async () => {
  const { files } = await resume(
    'raw',
    ({ output }) => writeFile(join(output, 'web-disk-2.raw.partial'), 'half of it'),
    { format: 'ovf' },
  );
  expect(files).toEqual(FINAL.ovf);
});

test.concurrent('an interrupted export leaves no file at all, not even of disks that were whole', async () => {
  await using server = await startTestServer({ vms: [VM] });
  await using scratch = await ScratchFolder.make();
  const ending = new AbortController();
  const { thrown } = await runExport(server, scratch, {
    parallel: 1,
    signal: ending.signal,
    onEvent: (event) => {
      if (event.type === 'disk-started' && event.disk === 'web-disk-2.vmdk')
        ending.abort(new InterruptedError('SIGINT'));
    },
  });
  expect(thrown).toEqual(new InterruptedError('SIGINT'));
  expect(await scratch.files()).toEqual([]);
  expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
});

test.concurrent('a snapshot of the user identifies what was exported of it', async () => {
  const vm = { ...VM, powerState: 'poweredOn', snapshots: [{ name: 'a' }, { name: 'b' }] } as const;
  await using server = await startTestServer({ vms: [vm] });
  for (const [name, kept] of [
    ['a', 1],
    ['b', 0],
  ] as const) {
    await using scratch = await ScratchFolder.make();
    const options = { parallel: 1, retries: 0 };
    server.faults.add({ on: 'disk', target: 'disk-1.vmdk', action: 'status', status: 503 });
    await runExport(server, scratch, { ...options, power: { kind: 'from-snapshot', name: 'a' } });
    const { result } = await runExport(server, scratch, { ...options, power: { kind: 'from-snapshot', name } });
    expect(result?.exported[0]?.keptDisks).toHaveLength(kept);
  }
});
