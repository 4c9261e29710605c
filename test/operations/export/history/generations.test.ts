import { describe, expect, test } from '@jest/globals';
import { cp, mkdir, readdir, readFile, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InterruptedError } from '../../../../src/base/errors.ts';
import { freeGenerationName } from '../../../../src/operations/export/history/generations.ts';
import { EXPORT_FORMATS, type ExportFormat } from '../../../../src/operations/export/types.ts';
import { randomContent } from '../../../server/content-source.ts';
import type { VmOptions } from '../../../server/options.ts';
import { startTestServer, type TestServer } from '../../../server/test-server.ts';
import {
  leftOnServer,
  NOTHING_LEFT,
  runExport,
  ScratchFolder,
  type ExportRun,
  type ExportChoices,
} from '../export-run.ts';
import { expectRightManifest } from '../package-checks.ts';

const VM: VmOptions = {
  name: 'web',
  disks: [{ content: randomContent(1 << 20, 'first') }, { content: randomContent(1 << 20, 'second') }],
};
const NAME = /^\d{8}T\d{6}Z$/;
const FILES: Record<ExportFormat, string[]> = {
  ovf: ['web-disk-1.vmdk', 'web-disk-2.vmdk', 'web.mf', 'web.ovf'],
  ova: ['web.ova'],
  vmdk: ['web-disk-1.vmdk', 'web-disk-2.vmdk', 'web.mf'],
  qcow2: ['web-disk-1.qcow2', 'web-disk-2.qcow2', 'web.xml'],
  raw: ['web-disk-1.raw', 'web-disk-2.raw', 'web.xml'],
};
const BREAK = { on: 'disk', target: 'disk-1.vmdk', action: 'status', status: 503, times: 100 } as const;

/** Lists the VM's folder: its generations, newest first by name, and everything else. */
async function listing(scratch: ScratchFolder): Promise<{ generations: string[]; others: string[]; latest: string }> {
  const folder = join(scratch.output, 'web');
  const names = (await readdir(folder).catch((): string[] => [])).toSorted();
  const latest = await readlink(join(folder, 'latest')).catch(() => '');
  const isGeneration = (name: string): boolean => NAME.test(name);
  return {
    generations: names.filter(isGeneration).toReversed(),
    others: names.filter((name) => !isGeneration(name)),
    latest,
  };
}

function keeping(server: TestServer, scratch: ScratchFolder, options: ExportChoices = {}): Promise<ExportRun> {
  return runExport(server, scratch, { keep: 2, parallel: 1, retries: 0, ...options });
}

/** Starts with one complete generation. */
async function withGeneration(
  use: (parts: { server: TestServer; scratch: ScratchFolder; folder: string; first: string }) => Promise<void>,
): Promise<void> {
  await using server = await startTestServer({ vms: [VM] });
  await using scratch = await ScratchFolder.make();
  const { error } = await keeping(server, scratch);
  expect(error).toBeUndefined();
  const { latest } = await listing(scratch);
  await use({ server, scratch, folder: join(scratch.output, 'web'), first: latest });
}

describe.each(EXPORT_FORMATS)('as %s', (format) => {
  test('with two to keep, four runs leave the newest two, whole, and the link to the newest', async () => {
    await using server = await startTestServer({ vms: [VM] });
    await using scratch = await ScratchFolder.make();
    const outputs: string[] = [];
    for (let run = 0; run < 4; run += 1) {
      const { error, result } = await keeping(server, scratch, { format });
      expect(error).toBeUndefined();
      const [exported] = result?.exported ?? [];
      outputs.push(exported?.output ?? '');
      const { generations, latest, others } = await listing(scratch);
      expect(generations).toHaveLength(Math.min(run + 1, 2));
      expect(others).toEqual(['latest']);
      expect(join(scratch.output, 'web', latest)).toBe(exported?.output);
      expect(exported?.generations).toEqual({
        kept: generations,
        removed: run < 2 ? [] : [outputs[run - 2]?.split('/').at(-1)],
      });
      for (const { path, sizeBytes } of exported?.files ?? []) expect((await stat(path)).size).toBe(sizeBytes);
    }
    for (const output of outputs.slice(2)) {
      expect((await readdir(output)).toSorted()).toEqual(['.hyper2kvm-generation', ...FILES[format]]);
      if (FILES[format].includes('web.mf')) {
        await expectRightManifest(
          output,
          'web.mf',
          FILES[format].filter((name) => name !== 'web.mf'),
        );
      }
      if (FILES[format].includes('web.xml')) {
        expect(await readFile(join(output, 'web.xml'), 'utf8')).toContain(`"${join(output, FILES[format][0] ?? '')}"`);
      }
    }
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  });

  test('a run that fails removes and moves nothing, and the next one goes on with what it fetched', async () => {
    await using server = await startTestServer({ vms: [VM] });
    await using scratch = await ScratchFolder.make();
    await keeping(server, scratch, { format, keep: 1 });
    const before = await listing(scratch);
    server.faults.add(BREAK);
    const failed = await keeping(server, scratch, { format, keep: 1 });
    expect(failed.result?.failed).toMatchObject([{ error: { kind: 'transfer' }, keptForNextRun: [expect.anything()] }]);
    expect(await listing(scratch)).toEqual({ ...before, others: ['.hyper2kvm-unfinished', 'latest'] });
    server.faults.clear();
    const next = await keeping(server, scratch, { format, keep: 1 });
    expect(next.result?.exported[0]?.keptDisks).toHaveLength(1);
    const { generations, latest, others } = await listing(scratch);
    expect({ generations, others }).toEqual({ generations: [latest], others: ['latest'] });
    expect(latest).not.toBe(before.latest);
    expect((await readdir(join(scratch.output, 'web', latest))).toSorted()).toEqual([
      '.hyper2kvm-generation',
      ...FILES[format],
    ]);
  });
});

test('a name is later than those of runs in the same second, also when the first of them is removed', async () => {
  await using scratch = await ScratchFolder.make();
  const now = new Date('2026-11-22T14:01:59.800Z');
  for (const name of ['20261122T140200Z', '20261122T140201Z', '20991231T235959Z', 'latest', '.20261122T140202Z'])
    await mkdir(join(scratch.path, name));
  expect(await freeGenerationName(scratch.path, now)).toBe('20261122T140202Z');
  expect(await freeGenerationName(join(scratch.path, 'none'), now)).toBe('20261122T140159Z');
});

test('folders that no run recorded stay, whatever their names', async () => {
  await withGeneration(async ({ server, scratch, folder, first }) => {
    await mkdir(join(folder, '20200101T000000Z'));
    await writeFile(join(folder, '20200101T000000Z', 'mine.txt'), 'mine');
    await cp(join(folder, first), join(folder, '20210101T000000Z'), { recursive: true });
    await symlink(first, join(folder, '20220101T000000Z'));
    await mkdir(join(folder, 'monthly'));
    for (let run = 0; run < 2; run += 1) await keeping(server, scratch, { keep: 1 });
    const { generations, others, latest } = await listing(scratch);
    expect(generations).toEqual([latest, '20220101T000000Z', '20210101T000000Z', '20200101T000000Z']);
    expect(others).toEqual(['latest', 'monthly']);
  });
});

test('an old generation with something else in it stays, and is told', async () => {
  await withGeneration(async ({ server, scratch, folder, first }) => {
    await writeFile(join(folder, first, 'overlay.qcow2'), 'mine');
    const { result } = await keeping(server, scratch, { keep: 1 });
    expect(result?.exported[0]).toMatchObject({
      generations: { kept: [expect.anything(), first], removed: [] },
      warnings: [
        `The old generation ${join(folder, first)} is not removed: overlay.qcow2 in it does not belong to the export.`,
      ],
    });
    await rm(join(folder, first, 'overlay.qcow2'));
    const next = await keeping(server, scratch, { keep: 1 });
    expect(next.result?.exported[0]?.generations?.removed).toContain(first);
  });
});

test('the newest is that which was made last, be its clock behind', async () => {
  await withGeneration(async ({ server, scratch, folder, first }) => {
    const record = join(folder, first, '.hyper2kvm-generation');
    await writeFile(record, (await readFile(record, 'utf8')).replace(first, '20991231T235959Z'));
    await rename(join(folder, first), join(folder, '20991231T235959Z'));
    const { result } = await keeping(server, scratch, { keep: 1 });
    expect(result?.exported[0]?.generations?.removed).toEqual(['20991231T235959Z']);
    const { generations, latest } = await listing(scratch);
    expect(generations).toEqual([latest]);
  });
});

test('what a killed run did not come to is made up for: the move of the link, a removal, names in an unfinished generation', async () => {
  await withGeneration(async ({ server, scratch, folder, first }) => {
    await keeping(server, scratch);
    const { latest: second } = await listing(scratch);
    await rm(join(folder, 'latest'));
    await symlink(first, join(folder, 'latest'));
    await mkdir(join(folder, '.20200101T000000Z.hyper2kvm-removed'));
    await mkdir(join(folder, '.hyper2kvm-unfinished'));
    await writeFile(join(folder, '.hyper2kvm-unfinished', 'web-disk-1.vmdk'), 'under its name, but of when?');
    server.faults.add(BREAK);
    await keeping(server, scratch);
    expect(await listing(scratch)).toMatchObject({ latest: second, others: ['.hyper2kvm-unfinished', 'latest'] });
    server.faults.clear();
    expect((await keeping(server, scratch)).error).toBeUndefined();
    const { others, latest } = await listing(scratch);
    expect(others).toEqual(['latest']);
    expect((await stat(join(folder, latest, 'web-disk-1.vmdk'))).size).toBeGreaterThan(1 << 20);
  });
});

test('a folder in the place of the link is refused before anything is fetched', async () => {
  await using server = await startTestServer({ vms: [VM] });
  await using scratch = await ScratchFolder.make();
  await mkdir(join(scratch.output, 'web', 'latest'), { recursive: true });
  const { error } = await keeping(server, scratch);
  expect(error).toMatchObject({ kind: 'local-file', message: expect.stringContaining('latest is not a link') });
  expect(server.state().diskRequests).toEqual({});
  expect(await listing(scratch)).toMatchObject({ others: ['latest'] });
});

test('generations of another VM with the same name are refused, and stay', async () => {
  await withGeneration(async ({ scratch, folder, first }) => {
    await using other = await startTestServer({
      vms: [{ ...VM, instanceUuid: '52000000-0000-4000-8000-000000000001' }],
    });
    const { error } = await keeping(other, scratch, { keep: 1 });
    expect(error).toMatchObject({
      kind: 'local-file',
      message: `${join(folder, first)} is a generation of another VM.`,
    });
    expect(await listing(scratch)).toEqual({ generations: [first], others: ['latest'], latest: first });
  });
});

test('a run that is interrupted leaves the generations as they were, and nothing else', async () => {
  await withGeneration(async ({ server, scratch }) => {
    const before = await listing(scratch);
    const controller = new AbortController();
    const { thrown } = await runExport(server, scratch, {
      keep: 1,
      signal: controller.signal,
      onEvent: ({ type }) => type === 'disk-started' && controller.abort(new InterruptedError('SIGTERM')),
    });
    expect(thrown).toBeInstanceOf(InterruptedError);
    expect(await listing(scratch)).toEqual(before);
  });
});

test('a failed first run leaves no folder where nothing is worth keeping', async () => {
  await using server = await startTestServer({ vms: [VM] });
  await using scratch = await ScratchFolder.make();
  server.faults.add({ on: 'ExportVm', action: 'soap-fault', fault: 'InvalidState', times: 100 });
  expect((await keeping(server, scratch)).error).toBeDefined();
  expect(await scratch.files()).toEqual([]);
});
