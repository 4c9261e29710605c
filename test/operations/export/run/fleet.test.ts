import { mkdir, readdir, readFile, rename, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { draftPath } from '../../../../src/base/files/atomic-file.ts';
import { InterruptedError } from '../../../../src/base/errors.ts';
import { ownProcess } from '../../../../src/jobs/job-process.ts';
import type { ExportEvent } from '../../../../src/operations/export/types.ts';
import { randomContent } from '../../../server/content-source.ts';
import { startTestServer, type TestServer } from '../../../server/test-server.ts';
import { leftOnServer, NOTHING_LEFT, runExport, ScratchFolder, type ExportRun } from '../export-run.ts';

const NAMES = ['a', 'b', 'c', 'd'] as const;
const vmOf = (name: string) => ({ name, disks: [{ content: randomContent(1 << 19, name) }] });
const VMS = NAMES.map(vmOf);
const SLOW = { on: 'disk', action: 'drip', bytesPerSecond: 400_000, times: 100 } as const;

/** Returns the highest number of VMs that were in progress at the same time. */
function mostAtOnce(events: readonly ExportEvent[]): number {
  let now = 0;
  return Math.max(
    ...events.map(({ type }) => {
      if (type === 'vm-started') now += 1;
      if (type === 'vm-finished' || type === 'vm-failed') now -= 1;
      return now;
    }),
  );
}

function outcomes({ result }: ExportRun): Record<'exported' | 'skipped' | 'failed', string[]> {
  const names = (vms: readonly { vm: string }[] = []) => vms.map(({ vm }) => vm);
  return { exported: names(result?.exported), skipped: names(result?.skipped), failed: names(result?.failed) };
}

function downloadsOf(server: TestServer): number {
  return server.state().downloads.length;
}

test.concurrent.each([1, 3])(
  '--jobs %i: as many VMs at once, in one session, and told in their order',
  async (jobs) => {
    await using server = await startTestServer({ vms: VMS });
    await using scratch = await ScratchFolder.make();
    server.faults.add(SLOW);
    const run = await runExport(server, scratch, { vms: ['*'], jobs });
    expect(outcomes(run)).toEqual({ exported: ['a', 'b', 'c', 'd'], skipped: [], failed: [] });
    expect(mostAtOnce(run.events)).toBe(jobs);
    const sizes = NAMES.map((vm) => ({ vm, inventoryPath: expect.stringContaining(vm), capacityBytes: 1 << 19 }));
    expect(run.events.find(({ type }) => type === 'run-started')).toMatchObject({ vms: sizes });
    const totals = run.events.flatMap((event) => (event.type === 'totals' ? [event.totals] : []));
    const received = run.result?.exported.reduce((sum, vm) => sum + vm.transferredBytes, 0);
    expect(totals.at(-1)).toMatchObject({ vms: 4, exported: 4, coveredBytes: 1 << 21, capacityBytes: 1 << 21 });
    expect(totals.at(-1)?.receivedBytes).toBe(received);
    const percents = totals.map(({ percent = 0 }) => percent);
    expect(percents).toEqual(percents.toSorted((a, b) => a - b));
    expect(server.state().calls.filter(({ method }) => method === 'Login')).toHaveLength(1);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  },
);

test.concurrent('a VM that fails does not stop those beside it, nor those after it', async () => {
  await using server = await startTestServer({ vms: VMS });
  await using scratch = await ScratchFolder.make();
  server.faults.add({ on: 'ExportVm', target: 'b', action: 'soap-fault', fault: 'InvalidState' });
  const run = await runExport(server, scratch, { vms: ['*', 'nobody'], jobs: 2 });
  expect(outcomes(run)).toEqual({ exported: ['a', 'c', 'd'], skipped: [], failed: ['nobody', 'b'] });
  expect(run.result?.state).toBe('partial');
  expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
});

test.concurrent('an interruption cleans up after all VMs at work, and begins no other', async () => {
  const vms = VMS.map((vm) => ({ ...vm, powerState: 'poweredOn' as const }));
  await using server = await startTestServer({ vms });
  await using scratch = await ScratchFolder.make();
  server.faults.add({ ...SLOW, bytesPerSecond: 20_000 });
  const stop = new AbortController();
  const started = new Set<string>();
  const { thrown, events } = await runExport(server, scratch, {
    vms: ['*'],
    jobs: 3,
    power: { kind: 'snapshot', quiesce: false },
    signal: stop.signal,
    onEvent: (event) => {
      if (event.type === 'disk-progress') started.add(event.vm);
      if (started.size === 3) stop.abort(new InterruptedError('SIGINT'));
    },
  });
  expect(thrown).toEqual(new InterruptedError('SIGINT'));
  expect(events.filter(({ type }) => type === 'vm-started')).toHaveLength(3);
  expect(events.filter(({ type }) => type === 'vm-failed')).toHaveLength(3);
  expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  expect(await scratch.files()).toEqual([]);
});

test.concurrent('two VMs of one name at once are told apart by their paths', async () => {
  const vms = ['x', 'y'].map((folder) => ({ ...vmOf('web'), folder: [folder], moRef: `vm-${folder === 'x' ? 1 : 2}` }));
  await using server = await startTestServer({ vms });
  await using scratch = await ScratchFolder.make();
  const run = await runExport(server, scratch, { vms: ['web*'], jobs: 2 });
  const paths = ['/DC0/vm/x/web', '/DC0/vm/y/web'];
  // They start concurrently, in any order.
  const started = run.events.flatMap((event) => (event.type === 'vm-started' ? [event.vm] : []));
  expect(started.toSorted()).toEqual(paths);
  expect(run.result?.exported.map(({ output }) => output)).toEqual(
    ['web', 'web-2'].map((name) => join(scratch.output, name)),
  );
  for (const event of run.events) if ('disk' in event) expect(paths).toContain(event.vm);
});

describe('--skip-existing', () => {
  test.concurrent.each(['ovf', 'ova', 'vmdk', 'qcow2', 'raw'] as const)(
    'a second run in %s exports what is missing, and asks nothing of the server for the rest',
    async (format) => {
      await using server = await startTestServer({ vms: VMS });
      await using scratch = await ScratchFolder.make();
      const first = await runExport(server, scratch, { vms: ['a', 'b'], format });
      expect(outcomes(first).exported).toEqual(['a', 'b']);
      const before = downloadsOf(server);
      const second = await runExport(server, scratch, { vms: ['*'], format, skipExisting: true, jobs: 2 });
      expect(outcomes(second)).toEqual({ exported: ['c', 'd'], skipped: ['a', 'b'], failed: [] });
      expect(downloadsOf(server)).toBe(before + 2);
      expect(second.result?.skipped[0]).toMatchObject({
        reason: 'already-whole',
        files: first.result?.exported[0]?.files,
      });
    },
  );

  test.concurrent('without it names that are taken are refused, as they always were', async () => {
    await using server = await startTestServer({ vms: VMS });
    await using scratch = await ScratchFolder.make();
    await runExport(server, scratch, { vms: ['a', 'b'] });
    const { result } = await runExport(server, scratch, { vms: ['a', 'b'] });
    expect(result?.failed).toMatchObject([{ error: { kind: 'local-file' } }, { error: { kind: 'local-file' } }]);
  });

  test.concurrent('a VM alone is recorded too, in the folder that was named', async () => {
    await using server = await startTestServer({ vms: VMS });
    await using scratch = await ScratchFolder.make();
    const options = { vms: ['a'], skipExisting: true };
    expect(outcomes(await runExport(server, scratch, options)).exported).toEqual(['a']);
    expect(outcomes(await runExport(server, scratch, options)).skipped).toEqual(['a']);
    expect(await scratch.files()).toEqual(['.a.hyper2kvm-whole', 'a-disk-1.vmdk', 'a.mf', 'a.ovf']);
  });

  const spoilt: [string, (folder: string) => Promise<unknown>][] = [
    ['was cut', (folder) => truncate(join(folder, 'a-disk-1.vmdk'), 10)],
    ['is gone', (folder) => rename(join(folder, 'a-disk-1.vmdk'), join(folder, 'other'))],
    ['has a record that cannot be read', (folder) => writeFile(join(folder, '.a.hyper2kvm-whole'), '{"version":1}')],
  ];
  test.concurrent.each(spoilt)(
    'an export of which a file %s is not whole, and is made again with --force',
    async (_, spoil) => {
      await using server = await startTestServer({ vms: VMS });
      await using scratch = await ScratchFolder.make();
      const options = { vms: ['a', 'b'], skipExisting: true };
      await runExport(server, scratch, options);
      await spoil(join(scratch.output, 'a'));
      expect(outcomes(await runExport(server, scratch, options))).toEqual({
        exported: [],
        skipped: ['b'],
        failed: ['a'],
      });
      const forced = await runExport(server, scratch, { ...options, force: true });
      expect(outcomes(forced)).toEqual({ exported: ['a'], skipped: ['b'], failed: [] });
    },
  );

  test.concurrent("another VM's export is not taken for this one's", async () => {
    await using server = await startTestServer({ vms: [vmOf('a')] });
    await using other = await startTestServer({
      vms: [vmOf('z'), { ...vmOf('a'), instanceUuid: '52aa0000-0000-4000-8000-000000000001' }],
    });
    await using scratch = await ScratchFolder.make();
    const options = { vms: ['a'], skipExisting: true };
    await runExport(server, scratch, options);
    expect(outcomes(await runExport(other, scratch, options)).failed).toEqual(['a']);
  });

  test.concurrent('an image that a VM ran from since, and an edited domain, are kept', async () => {
    await using server = await startTestServer({ vms: VMS });
    await using scratch = await ScratchFolder.make();
    const options = { vms: ['a', 'b'], skipExisting: true, format: 'qcow2' as const };
    await runExport(server, scratch, options);
    for (const name of ['a-disk-1.qcow2', 'a.xml'])
      await writeFile(join(scratch.output, 'a', name), 'changed', { flag: 'a' });
    expect(outcomes(await runExport(server, scratch, options)).skipped).toEqual(['a', 'b']);
  });

  test.concurrent.each([
    ['ahead', ['a-disk-1.vmdk', 'a.mf', 'a.ovf']],
    ['in the middle', ['a.ovf']],
    ['at the end', []],
  ])('a run that was killed %s of its renames is completed, without another download', async (_, unnamed) => {
    await using server = await startTestServer({ vms: VMS });
    await using scratch = await ScratchFolder.make();
    const options = { vms: ['a', 'b'], skipExisting: true };
    await runExport(server, scratch, options);
    const folder = join(scratch.output, 'a');
    const record = join(folder, '.a.hyper2kvm-whole');
    await writeFile(record, (await readFile(record, 'utf8')).replace('"isUsed":true', '"isUsed":false'));
    await writeFile(join(folder, '.a.hyper2kvm-resume'), '');
    for (const name of unnamed) await rename(join(folder, name), join(folder, `${name}.partial`));
    const before = downloadsOf(server);
    expect(outcomes(await runExport(server, scratch, options)).skipped).toEqual(['a', 'b']);
    expect(downloadsOf(server)).toBe(before);
    expect((await readdir(folder)).toSorted()).toEqual(['.a.hyper2kvm-whole', 'a-disk-1.vmdk', 'a.mf', 'a.ovf']);
  });

  test.concurrent('what a run that was killed at its very end left beside the files is removed', async () => {
    await using server = await startTestServer({ vms: VMS });
    await using scratch = await ScratchFolder.make();
    const options = { vms: ['a', 'b', 'c'], skipExisting: true };
    await runExport(server, scratch, { ...options, vms: ['a', 'b'] });
    const over = { process: { ...ownProcess(), startTicks: '1' }, job: 'killed', since: new Date().toISOString() };
    await mkdir(join(scratch.output, 'c'));
    // The first VM has a lock but no draft; the last one has only a draft.
    await writeFile(join(scratch.output, 'a', '.a.hyper2kvm-lock'), JSON.stringify(over));
    for (const [name, file] of [
      ['b', 'complete'],
      ['b', 'lock'],
      ['c', 'resume'],
    ]) {
      await writeFile(draftPath(join(scratch.output, `${name}`, `.${name}.hyper2kvm-${file}`)), '');
    }
    expect(outcomes(await runExport(server, scratch, options))).toMatchObject({ exported: ['c'], skipped: ['a', 'b'] });
    for (const name of ['a', 'b', 'c']) {
      const files = [`.${name}.hyper2kvm-whole`, `${name}-disk-1.vmdk`, `${name}.mf`, `${name}.ovf`];
      expect((await readdir(join(scratch.output, name))).toSorted()).toEqual(files);
    }
  });
});
