import { Hyper2kvmError } from '../../base/errors.ts';
import { NFC_PRIVILEGES } from '../../vsphere/inventory/privileges.ts';
import { readVmFacts, type VmFacts } from '../../vsphere/vm/vm-facts.ts';
import type { FoundVm } from '../export/plan/find-vms.ts';
import { inspectHost } from '../export/plan/inspect-host.ts';
import { inspectPrivileges } from '../export/plan/inspect-privileges.ts';
import { inspectVm } from '../export/plan/inspect-vm.ts';
import { describeFailure } from '../export/run/export-outcome.ts';
import { lockPlace } from '../export/run/locked-place.ts';
import { LeftSnapshots, type Removal } from '../export/source/left-snapshots.ts';
import { outputFolder } from '../export/target/output-folder.ts';
import type { PreflightFinding, VmExportFailure } from '../export/types.ts';
import type { ExportStep } from '../events.ts';
import { forecastDowntime } from './forecast.ts';
import { PreparedGuest } from './guest/prepared-guest.ts';
import { rehearse } from './guest/rehearse.ts';
import { imagesOf } from './guest/replica-vm.ts';
import { Replica } from './replica/replica.ts';
import { runRound } from './round.ts';
import type { SyncShared } from './scope.ts';
import type { VmSyncResult } from './types.ts';
import { requireUnused } from './used-images.ts';

/**
 * Runs a round of one VM.
 * @throws only the signal's reason, after clean-up.
 */
export async function syncOne(
  found: FoundVm,
  place: { index: number; count: number },
  shared: SyncShared,
  signal: AbortSignal,
): Promise<{ synced: VmSyncResult } | { failed: VmExportFailure }> {
  const { label: vm } = found;
  const leftBehind: string[] = [];
  try {
    const synced = await syncLocked(found, place, { ...shared, leftBehind }, signal);
    shared.report({ type: 'vm-finished', vm, result: synced });
    return { synced };
  } catch (error) {
    shared.report({ type: 'vm-failed', work: 'sync', vm, error, leftBehind });
    signal.throwIfAborted();
    return { failed: describeFailure(vm, error, { leftBehind }) };
  }
}

async function syncLocked(
  found: FoundVm,
  place: { index: number; count: number },
  shared: SyncShared & { leftBehind: string[] },
  signal: AbortSignal,
): Promise<VmSyncResult> {
  const { client, options, job, claims, report, leftBehind } = shared;
  const { label: vm, baseName, identity } = found;
  const { inventoryPath, ref } = found.vm;
  const output = outputFolder(options.output, baseName, true);
  report({ type: 'vm-started', work: 'sync', vm, inventoryPath, ...place, output });
  const warnings: string[] = [];
  const warn = (message: string): void => {
    warnings.push(message);
    report({ type: 'warning', vm, message });
  };
  const leave = (sentence: string, isLasting = false): void => {
    if (isLasting) leftBehind.push(sentence);
    warn(sentence);
  };
  const step = (name: ExportStep, detail: string): void => report({ type: 'step', vm, step: name, detail });
  await using held = new AsyncDisposableStack();
  held.use(await lockPlace(output, baseName, { doing: `replicating ${vm} to ${output}`, job, claims }));
  const requireFree = () => requireUnused(output, baseName);
  await requireFree();
  const replica = await Replica.open(output, baseName, {
    vm: { name: found.vm.name, moRef: ref.value, identity, server: client.server },
    format: options.format,
    onRecovery: (sentence) => step('finish', sentence),
  });
  await PreparedGuest.removeLeft({ folder: output, baseName, images: imagesOf(replica, output) });
  const left = new LeftSnapshots(output, baseName);
  await removeLeft(left, { client, vm, vmRef: ref, step: (detail) => step('clean-up', detail) }, signal);
  const facts = await readVmFacts(client, ref, signal);
  const power = { kind: 'snapshot', quiesce: options.quiesce } as const;
  const forReads = options.transport === 'nfc' ? NFC_PRIVILEGES : [];
  const findings = [
    ...inspectVm(vm, facts, power),
    ...(await inspectPrivileges(client, facts, power, signal, forReads)),
  ];
  refuse(vm, facts, findings);
  for (const { level, detail } of findings) if (level === 'warning') warn(detail);
  await checkRehearsal(found, shared, warn, signal);
  const scope = { ...shared, vm, facts, output, replica, left, requireFree, leave, warn, step };
  const round = await runRound(scope, signal);
  const rehearsal =
    options.rehearsal === undefined ? undefined : await rehearse(found, scope, options.rehearsal, signal);
  return {
    vm,
    moRef: ref.value,
    inventoryPath,
    format: options.format,
    output,
    ...round,
    ...(rehearsal !== undefined && { rehearsal }),
    downtime: forecastDowntime(replica.state),
    warnings,
    ...(leftBehind.length > 0 && { leftBehind }),
  };
}

/**
 * Removes the snapshots that earlier rounds could not remove.
 * @throws Hyper2kvmError when one remains, so that a VM never has two of them.
 */
async function removeLeft(left: LeftSnapshots, removal: Omit<Removal, 'leave'>, signal: AbortSignal): Promise<void> {
  const remaining: string[] = [];
  await left.remove({ ...removal, leave: (sentence) => remaining.push(sentence) }, signal);
  if (remaining.length === 0) return;
  throw new Hyper2kvmError('transfer', remaining.join(' '), { hint: 'No other snapshot is taken before that.' });
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

/** @throws the first finding of level error. */
function refuse(vm: string, facts: VmFacts, findings: readonly PreflightFinding[]): void {
  if (facts.template) {
    throw new Hyper2kvmError('usage', `${vm} is a template, which does not change.`, { hint: 'Export it.' });
  }
  refuseFindings(`${vm} cannot be replicated`, findings);
}

function refuseFindings(what: string, findings: readonly PreflightFinding[]): void {
  const found = findings.find(({ level }) => level === 'error');
  if (found === undefined) return;
  const hint = found.hint === undefined ? {} : { hint: found.hint };
  throw new Hyper2kvmError(found.kind ?? 'internal', `${what}: ${found.detail}`, hint);
}
