import { describe, expect, test } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { join } from 'node:path';
import { listJobs } from '../../../../src/jobs/job-store.ts';
import { InterruptedError } from '../../../../src/base/errors.ts';
import { EXIT_CODES } from '../../../../src/base/exit-codes.ts';
import { exportOutcome } from '../../../../src/operations/export/run/export-outcome.ts';
import type { ExportEvent } from '../../../../src/operations/export/types.ts';
import { mixedContent } from '../../../server/content-source.ts';
import type { TestServerOptions } from '../../../server/options.ts';
import type { ScriptedFault } from '../../../server/scripted-faults.ts';
import { startTestServer } from '../../../server/test-server.ts';
import { leftOnServer, NOTHING_LEFT, runExport, ScratchFolder, type ExportChoices } from '../export-run.ts';

const VM = { name: 'web', powerState: 'poweredOn', disks: [{ content: mixedContent(2 << 20, 'web') }] } as const;
const power = { kind: 'snapshot', quiesce: true } as const;

function isStep(step: string) {
  return (event: ExportEvent) => event.type === 'step' && event.step === step;
}

describe('an interrupted export leaves nothing, whenever the interruption comes', () => {
  const moments: [string, { at: (event: ExportEvent) => boolean; afterMs?: number; options?: TestServerOptions }][] = [
    ['while connecting', { at: isStep('connect') }],
    ['while the snapshot is made', { at: isStep('snapshot'), afterMs: 300, options: { taskMs: 1000 } }],
    ['when the lease is asked for', { at: isStep('lease') }],
    ['while the lease initializes', { at: isStep('lease'), afterMs: 300, options: { leaseInitializeMs: 60_000 } }],
    ['when the download begins', { at: (event) => event.type === 'disk-started' }],
    ['while a disk comes', { at: (event) => event.type === 'disk-progress' }],
    ['when a disk is whole', { at: (event) => event.type === 'disk-complete' }],
    ['while the descriptor is written', { at: isStep('descriptor') }],
    ['when the files get their names', { at: isStep('finish') }],
  ];

  test.concurrent.each(moments)('%s', async (_title, { at, afterMs, options = {} }) => {
    await using server = await startTestServer({ vms: [VM], ...options });
    await using scratch = await ScratchFolder.make();
    const ending = new AbortController();
    let reached = false;
    const { thrown } = await runExport(server, scratch, {
      power,
      signal: ending.signal,
      onEvent: (event) => {
        if (reached || !at(event)) return;
        reached = true;
        const end = () => ending.abort(new InterruptedError('SIGTERM'));
        if (afterMs === undefined) end();
        else setTimeout(end, afterMs);
      },
    });
    expect(thrown).toEqual(new InterruptedError('SIGTERM'));
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
    expect(await scratch.files()).toEqual([]);
  });
});

describe('a failed export leaves nothing on the server', () => {
  const faults: [string, ScriptedFault][] = [
    ['the answer of the snapshot call is lost', { on: 'CreateSnapshot_Task', action: 'lose-answer' }],
    ['the line drops while the snapshot is made', { on: 'RetrievePropertiesEx', action: 'reset', skip: 2 }],
    ['the lease is refused', { on: 'ExportSnapshot', action: 'soap-fault', fault: 'InvalidState' }],
    ['the lease does not initialize', { on: 'lease', action: 'initialize-error', fault: 'FileLocked' }],
    ['a disk is refused', { on: 'disk', action: 'status', status: 403 }],
    ['the descriptor is refused', { on: 'CreateDescriptor', action: 'soap-fault', fault: 'InvalidArgument', skip: 1 }],
    ['the lease cannot be completed', { on: 'HttpNfcLeaseComplete', action: 'soap-fault', fault: 'InvalidState' }],
    ['the session ends before the snapshot goes', { on: 'RemoveSnapshot_Task', action: 'session-expired' }],
    [
      'the snapshot cannot go at the first try',
      { on: 'RemoveSnapshot_Task', action: 'soap-fault', fault: 'TaskInProgress' },
    ],
    ['the line drops when the snapshot goes', { on: 'RemoveSnapshot_Task', action: 'lose-answer' }],
    ['the line drops when the lease is aborted', { on: 'HttpNfcLeaseAbort', action: 'reset' }],
  ];

  test.concurrent.each(faults)('when %s', async (_title, fault) => {
    await using server = await startTestServer({ vms: [VM], taskMs: 100 });
    await using scratch = await ScratchFolder.make();
    server.faults.add(fault);
    if (fault.on === 'HttpNfcLeaseAbort') server.faults.add({ on: 'disk', action: 'status', status: 403 });
    const { result, events } = await runExport(server, scratch, { power, retries: 0 });
    // Long enough for an abandoned task to end.
    await pause(200);
    expect(server.faults.pending).toEqual([]);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
    expect(result?.failed.flatMap(({ leftBehind }) => leftBehind)).toEqual([]);
    expect(events.filter((event) => event.type === 'warning')).toEqual([]);
  });
});

test.concurrent(
  'a lease whose opening was not answered is reported; the snapshot goes when that lease has timed out',
  async () => {
    await using server = await startTestServer({ vms: [VM], leaseTimeoutSeconds: 3 });
    await using scratch = await ScratchFolder.make();
    server.faults.add({ on: 'ExportSnapshot', action: 'lose-answer' });
    const { result } = await runExport(server, scratch, { power, retries: 0 });
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
    expect(result?.failed[0]?.leftBehind).toEqual([expect.stringMatching(/^An export lease on web may be open/)]);
    const [job] = await listJobs({ XDG_STATE_HOME: join(scratch.path, 'state') });
    expect(job?.vms[0]?.leftBehind).toEqual(result?.failed[0]?.leftBehind);
  },
);

test.concurrent('what cannot be removed is told exactly, and the rest is removed', async () => {
  await using server = await startTestServer({ vms: [VM] });
  await using scratch = await ScratchFolder.make();
  server.faults.add({ on: 'RemoveSnapshot_Task', action: 'soap-fault', fault: 'NoPermission', times: 10 });
  const { events, result } = await runExport(server, scratch, { power });
  const left = leftOnServer(server);
  expect(left).toMatchObject({ sessions: 0, leases: [], snapshots: [expect.anything()] });
  const warnings = events.filter((event) => event.type === 'warning').map(({ message }) => message);
  expect(warnings).toEqual([
    expect.stringMatching(`^The snapshot ${left.snapshots[0]} of web is still on .*NoPermission`),
  ]);
  expect(result?.exported[0]?.warnings).toEqual(warnings);
  expect(result?.exported[0]?.leftBehind).toEqual(warnings);
});

describe('an own snapshot that stays', () => {
  const stuck = { on: 'RemoveSnapshot_Task', action: 'soap-fault', fault: 'NoPermission' } as const;

  test.concurrent('is no success: state, exit code and job record say so', async () => {
    await using server = await startTestServer({ vms: [VM] });
    await using scratch = await ScratchFolder.make();
    server.faults.add({ ...stuck, times: 10 });
    const { result } = await runExport(server, scratch, { power });
    expect(result).toMatchObject({ state: 'partial', failed: [], exported: [expect.anything()] });
    expect(result && exportOutcome(result, [])?.error).toMatchObject({
      kind: 'partial',
      message: expect.stringContaining('is still on'),
    });
    const [job] = await listJobs({ XDG_STATE_HOME: join(scratch.path, 'state') });
    expect(job).toMatchObject({
      state: 'partial',
      exitCode: EXIT_CODES.partial.code,
      vms: [{ state: 'done', leftBehind: result?.exported[0]?.leftBehind }],
    });
  });

  const next: [string, ExportChoices][] = [
    ['that exports again', { power, force: true }],
    [
      'that shuts the VM down',
      { power: { kind: 'shutdown', limitMinutes: 1, forcePowerOff: true, restart: false }, force: true },
    ],
    ['that skips what is there', { power, skipExisting: true }],
    ['of generations', { power, keep: 2 }],
  ];
  test.concurrent.each(next)('is removed by the next run of the same export, one %s', async (_title, options) => {
    await using server = await startTestServer({ vms: [VM] });
    await using scratch = await ScratchFolder.make();
    server.faults.add({ ...stuck });
    await runExport(server, scratch, { ...options, power });
    expect(leftOnServer(server).snapshots).toHaveLength(1);
    const { result, error } = await runExport(server, scratch, options);
    expect(error).toBeUndefined();
    expect(result?.state).toBe('done');
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
    expect((await scratch.files()).filter((name) => name.endsWith('hyper2kvm-snapshots'))).toEqual([]);
  });

  test.concurrent('is reported again by a run that cannot remove it either, also one that skips the VM', async () => {
    await using server = await startTestServer({ vms: [VM] });
    await using scratch = await ScratchFolder.make();
    server.faults.add({ ...stuck, times: 10 });
    await runExport(server, scratch, { power, skipExisting: true });
    const { result } = await runExport(server, scratch, { power, skipExisting: true });
    expect(result).toMatchObject({
      state: 'partial',
      skipped: [{ leftBehind: [expect.stringContaining('is still on')] }],
    });
    expect(leftOnServer(server).snapshots).toHaveLength(1);
  });

  test.concurrent('is removed by the next run also when the export failed', async () => {
    await using server = await startTestServer({ vms: [VM] });
    await using scratch = await ScratchFolder.make();
    server.faults.add({ ...stuck });
    server.faults.add({ on: 'disk', action: 'status', status: 403 });
    const { error } = await runExport(server, scratch, { power });
    expect(error).toMatchObject({ kind: 'transfer' });
    expect(leftOnServer(server).snapshots).toHaveLength(1);
    await runExport(server, scratch, { power });
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  });
});

test.concurrent.each(['CreateSnapshot_Task', 'RemoveSnapshot_Task'])(
  'the task of %s that is gone before anybody saw its end is judged by the snapshot',
  async (method) => {
    await using server = await startTestServer({ vms: [VM] });
    await using scratch = await ScratchFolder.make();
    server.faults.add({ on: 'task', target: method, action: 'vanish' });
    const { result, error } = await runExport(server, scratch, { power });
    expect(error).toBeUndefined();
    expect(server.faults.pending).toEqual([]);
    expect(result?.exported[0]?.warnings).toEqual([]);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  },
);

test.concurrent.each(['TaskInProgress', 'FileLocked'] as const)(
  'a host that has the files of the VM open for a while after the lease (%s) is waited for',
  async (fault) => {
    await using server = await startTestServer({ vms: [{ ...VM, busyAfterLease: { times: 4, fault } }] });
    await using scratch = await ScratchFolder.make();
    const { result, error } = await runExport(server, scratch, { power });
    expect(error).toBeUndefined();
    expect(result?.state).toBe('done');
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  },
);

test.concurrent('disks that the removal of the snapshot has left to consolidate are consolidated', async () => {
  await using server = await startTestServer({ vms: [{ ...VM, snapshotRemoval: 'needs-consolidation' }] });
  await using scratch = await ScratchFolder.make();
  const { result } = await runExport(server, scratch, { power });
  expect(result?.state).toBe('done');
  expect(server.state().calls.map(({ method }) => method)).toContain('ConsolidateVMDisks_Task');
});

test.concurrent('disks that cannot be consolidated are no success', async () => {
  await using server = await startTestServer({ vms: [{ ...VM, snapshotRemoval: 'needs-consolidation' }] });
  await using scratch = await ScratchFolder.make();
  server.faults.add({ on: 'ConsolidateVMDisks_Task', action: 'soap-fault', fault: 'NoPermission', times: 9 });
  const { result } = await runExport(server, scratch, { power });
  expect(result).toMatchObject({
    state: 'partial',
    exported: [{ leftBehind: [expect.stringMatching(/^The disks of web need consolidation/)] }],
  });
});

test.concurrent.each(['TaskInProgress', 'FileLocked'])(
  'a snapshot of a VM that is busy with %s after the lease is removed when it is free',
  async (fault) => {
    await using server = await startTestServer({ vms: [VM] });
    await using scratch = await ScratchFolder.make();
    server.faults.add({ on: 'RemoveSnapshot_Task', action: 'soap-fault', fault, times: 4 });
    const { result, error } = await runExport(server, scratch, { power });
    expect(error).toBeUndefined();
    expect(result?.exported[0]?.warnings).toEqual([]);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  },
);

test.concurrent.each(['CreateSnapshot', 'RemoveSnapshot'])(
  'without the privilege State.%s no snapshot is made',
  async (name) => {
    const privilege = `VirtualMachine.State.${name}`;
    await using server = await startTestServer({ vms: [VM], missingPrivileges: [privilege] });
    await using scratch = await ScratchFolder.make();
    const { error } = await runExport(server, scratch, { power });
    expect(error).toMatchObject({ kind: 'authentication', message: expect.stringContaining(privilege) });
    expect(server.state().calls.map(({ method }) => method)).not.toContain('CreateSnapshot_Task');
  },
);
