import { join } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import type { FoundVm } from '../export/plan/find-vms.ts';
import { inspectHost } from '../export/plan/inspect-host.ts';
import { describeFailure } from '../export/run/export-outcome.ts';
import { lockPlace } from '../export/run/locked-place.ts';
import { outputFolder } from '../export/target/output-folder.ts';
import type { VmExportFailure } from '../export/types.ts';
import { forecastDowntime } from './forecast.ts';
import { PreparedGuest } from './guest/prepared-guest.ts';
import { rehearse } from './guest/rehearse.ts';
import { imagesOf } from './guest/replica-vm.ts';
import { openReplica, readFacts, refuseFindings } from './open-replica.ts';
import { cutoverRecordName, readCutover } from './replica/cutover-record.ts';
import { runRound } from './round.ts';
import type { SyncRun, SyncShared } from './scope.ts';
import type { CutOverReplica, VmSyncResult } from './types.ts';

/**
 * Runs a round of one VM.
 * @throws only the signal's reason, after clean-up.
 */
export async function syncOne(
  found: FoundVm,
  place: { index: number; count: number },
  shared: SyncRun,
  signal: AbortSignal,
): Promise<{ synced: VmSyncResult } | { skipped: CutOverReplica } | { failed: VmExportFailure }> {
  const { label: vm } = found;
  const leftBehind: string[] = [];
  try {
    await using held = new AsyncDisposableStack();
    const skipped = await lockReplica(found, shared, held);
    if (skipped !== undefined) {
      shared.report({ type: 'vm-skipped', vm, result: skipped });
      return { skipped };
    }
    const synced = await syncLocked(found, place, { ...shared, leftBehind }, signal);
    shared.report({ type: 'vm-finished', vm, result: synced });
    return { synced };
  } catch (error) {
    shared.report({ type: 'vm-failed', work: 'sync', vm, error, leftBehind });
    signal.throwIfAborted();
    return { failed: describeFailure(vm, error, { leftBehind }) };
  }
}

/**
 * Locks the folder of the replica for a round. Returns the cutover that the replica belongs to, if there is one.
 * @throws kind `busy` while another round is running.
 */
async function lockReplica(
  found: FoundVm,
  { options, job, claims }: SyncShared,
  held: AsyncDisposableStack,
): Promise<CutOverReplica | undefined> {
  const { label: vm, baseName } = found;
  const output = outputFolder(options.output, baseName, true);
  // A cutover that is running holds the lock.
  const before = await cutoverOf(found, output);
  if (before !== undefined) return before;
  try {
    held.use(await lockPlace(output, baseName, { doing: `replicating ${vm} to ${output}`, job, claims }));
  } catch (error) {
    const begun = error instanceof Hyper2kvmError && error.kind === 'busy' ? await cutoverOf(found, output) : undefined;
    if (begun !== undefined) return begun;
    throw error;
  }
  return await cutoverOf(found, output);
}

async function cutoverOf({ label, vm, baseName }: FoundVm, output: string): Promise<CutOverReplica | undefined> {
  const record = await readCutover(join(output, cutoverRecordName(baseName)));
  if (record === undefined) return undefined;
  const { step, history } = record;
  const { ref, inventoryPath } = vm;
  const since = history[0]?.at ?? '';
  return { vm: label, moRef: ref.value, inventoryPath, reason: 'cutover', output, step, since };
}

async function syncLocked(
  found: FoundVm,
  place: { index: number; count: number },
  shared: SyncRun & { leftBehind: string[] },
  signal: AbortSignal,
): Promise<VmSyncResult> {
  const { options, report } = shared;
  const { label: vm, baseName } = found;
  const { inventoryPath, ref } = found.vm;
  const output = outputFolder(options.output, baseName, true);
  report({ type: 'vm-started', work: 'sync', vm, inventoryPath, ...place, output });
  const warnings: string[] = [];
  const scope = await openReplica(found, { ...shared, output, warnings }, signal);
  await PreparedGuest.removeLeft({ folder: output, baseName, images: imagesOf(scope.replica, output) });
  const withFacts = await readFacts(scope, signal);
  await checkRehearsal(found, shared, scope.warn, signal);
  const round = await runRound(withFacts, signal);
  const rehearsal =
    options.rehearsal === undefined ? undefined : await rehearse(found, withFacts, options.rehearsal, signal);
  const { leftBehind } = shared;
  return {
    vm,
    moRef: ref.value,
    inventoryPath,
    format: options.format,
    output,
    ...round,
    ...(rehearsal !== undefined && { rehearsal }),
    downtime: forecastDowntime(scope.replica.state),
    warnings,
    ...(leftBehind.length > 0 && { leftBehind }),
  };
}

/** @throws if this host or the guest makes the requested rehearsal impossible. */
async function checkRehearsal(
  found: FoundVm,
  { client, options: { rehearsal, env } }: SyncShared,
  warn: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  if (rehearsal === undefined) return;
  const encode = { format: 'qcow2' } as const;
  const needs = {
    ...rehearsal,
    encode,
    bootTest: true,
    bootTestFlag: '--rehearse',
    define: undefined,
    force: false,
    env,
  };
  const findings = await inspectHost(client, found, needs, signal);
  refuseFindings(`The rehearsal of ${found.label} is not possible`, findings);
  for (const { level, detail } of findings) if (level === 'warning') warn(detail);
}
