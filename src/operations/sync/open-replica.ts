import { Hyper2kvmError } from '../../base/errors.ts';
import { NFC_PRIVILEGES } from '../../vsphere/inventory/privileges.ts';
import type { MoRef } from '../../vsphere/soap/wsdl-types.ts';
import { readVmFacts, type VmFacts } from '../../vsphere/vm/vm-facts.ts';
import type { FoundVm } from '../export/plan/find-vms.ts';
import { inspectPrivileges } from '../export/plan/inspect-privileges.ts';
import { inspectVm } from '../export/plan/inspect-vm.ts';
import { LeftSnapshots, type Removal } from '../export/source/left-snapshots.ts';
import type { PreflightFinding } from '../export/types.ts';
import type { ExportStep } from '../events.ts';
import { Replica } from './replica/replica.ts';
import type { RoundScope, SyncShared } from './scope.ts';
import { requireUnused } from './used-images.ts';

/** A replica whose folder is locked, before the facts of its VM were read for a round. */
export type ReplicaScope = Omit<RoundScope, 'facts'> & { ref: MoRef };

/** Opens the replica of a VM, after a check that no VM runs on it. Warnings and leftovers are added to the lists. */
export async function openReplica(
  found: FoundVm,
  shared: SyncShared & { output: string; warnings: string[]; leftBehind: string[] },
  signal: AbortSignal,
): Promise<ReplicaScope> {
  const { client, options, report, output, warnings, leftBehind } = shared;
  const { label: vm, baseName, identity } = found;
  const { name, ref } = found.vm;
  const warn = (message: string): void => {
    warnings.push(message);
    report({ type: 'warning', vm, message });
  };
  const leave = (sentence: string, isLasting = false): void => {
    if (isLasting) leftBehind.push(sentence);
    warn(sentence);
  };
  const step = (id: ExportStep, detail: string): void => report({ type: 'step', vm, step: id, detail });
  const requireFree = () => requireUnused(output, baseName);
  await requireFree();
  const replica = await Replica.open(output, baseName, {
    vm: { name, moRef: ref.value, identity, server: client.server },
    format: options.format,
    onRecovery: (sentence) => step('finish', sentence),
  });
  const left = new LeftSnapshots(output, baseName);
  await removeLeft(left, { client, vm, vmRef: ref, step: (detail) => step('clean-up', detail) }, signal);
  return { ...shared, vm, ref, replica, left, requireFree, leave, warn, step };
}

/**
 * Reads the facts of the VM for the next round.
 * @throws Hyper2kvmError when the VM cannot be replicated.
 */
export async function readFacts(scope: ReplicaScope, signal: AbortSignal): Promise<RoundScope> {
  const { client, ref, vm, options, warn } = scope;
  const facts = await readVmFacts(client, ref, signal);
  const power = { kind: 'snapshot', quiesce: options.quiesce } as const;
  const forReads = options.transport === 'nfc' ? NFC_PRIVILEGES : [];
  const findings = [
    ...inspectVm(vm, facts, power),
    ...(await inspectPrivileges(client, facts, power, signal, forReads)),
  ];
  refuse(vm, facts, findings);
  for (const { level, detail } of findings) if (level === 'warning') warn(detail);
  return { ...scope, facts };
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

/** @throws the first finding of level error. */
function refuse(vm: string, facts: VmFacts, findings: readonly PreflightFinding[]): void {
  if (facts.template) {
    throw new Hyper2kvmError('usage', `${vm} is a template, which does not change.`, { hint: 'Export it.' });
  }
  refuseFindings(`${vm} cannot be replicated`, findings);
}

/** @throws the first finding of level error; `what` is the beginning of the message. */
export function refuseFindings(what: string, findings: readonly PreflightFinding[]): void {
  const found = findings.find(({ level }) => level === 'error');
  if (found === undefined) return;
  const hint = found.hint === undefined ? {} : { hint: found.hint };
  throw new Hyper2kvmError(found.kind ?? 'internal', `${what}: ${found.detail}`, hint);
}
