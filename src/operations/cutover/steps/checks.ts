import { join } from 'node:path';
import { Hyper2kvmError } from '../../../base/errors.ts';
import { freeBytes } from '../../../base/files/free-space.ts';
import { requireFree } from '../../../base/output/final-names.ts';
import { formatBytes, formatDuration } from '../../../base/text/amounts.ts';
import { NFC_PRIVILEGES, SNAPSHOT_PRIVILEGES } from '../../../vsphere/inventory/privileges.ts';
import { readVmFacts } from '../../../vsphere/vm/vm-facts.ts';
import type { FoundVm } from '../../export/plan/find-vms.ts';
import { inspectHost } from '../../export/plan/inspect-host.ts';
import { inspectPrivileges } from '../../export/plan/inspect-privileges.ts';
import { inspectVm } from '../../export/plan/inspect-vm.ts';
import type { PreflightFinding } from '../../export/types.ts';
import { descriptionName } from '../../domain/make-domain.ts';
import { refuseFindings } from '../../sync/open-replica.ts';
import { readState, stateName, type ReplicaState } from '../../sync/replica/replica-state.ts';
import type { CutoverScope } from '../scope.ts';

/** Space for the overlays of a guest fix: a new initramfs for each of some kernels. */
const FIX_BYTES = 2 * 1024 ** 3;

/** The state of the replica, which must be complete. */
export async function requireReplica(
  { label, baseName, identity }: FoundVm,
  output: string,
): Promise<ReplicaState & { point: NonNullable<ReplicaState['point']> }> {
  const state = await readState(join(output, stateName(baseName)));
  if (state !== undefined && state.vm.identity !== identity) {
    throw new Hyper2kvmError('local-file', `${output} has the replica of another VM, ${state.vm.name}.`, {
      hint: 'Name the --output of the sync of this VM.',
    });
  }
  const point = state?.point ?? undefined;
  if (state === undefined || point === undefined) {
    throw new Hyper2kvmError('not-found', `${output} has no complete replica of ${label}.`, {
      hint: 'Run hyper2kvm sync first, with the same --output.',
    });
  }
  return { ...state, point };
}

/** Checks everything that can be checked before the VM is touched. */
export async function runChecks(scope: CutoverScope, signal: AbortSignal): Promise<'warm-rounds'> {
  const { client, found, options, output, step, warn } = scope;
  const state = await requireReplica(found, output);
  requireFresh(scope, state);
  requireRehearsal(scope, state);
  const facts = await readVmFacts(client, found.vm.ref, signal);
  const limitMinutes = options.shutdownLimitMs / 60_000;
  const { forcePowerOff, keepOff, guest, hardware, bootTest, define, env } = options;
  const power = { kind: 'shutdown', limitMinutes, forcePowerOff, restart: !keepOff } as const;
  const more = [...SNAPSHOT_PRIVILEGES, ...(options.transport === 'nfc' ? NFC_PRIVILEGES : [])];
  const host = { guest, hardware, bootTest, define, force: false, env, encode: { format: state.format } };
  const findings: PreflightFinding[] = [
    ...inspectVm(found.label, facts, power),
    ...(await inspectPrivileges(client, facts, power, signal, more)),
    ...(await inspectHost(client, found, host, signal)),
  ];
  refuseFindings(`${found.label} cannot be cut over`, findings);
  for (const { level, detail } of findings) if (level === 'warning') warn(detail);
  const domain = join(output, descriptionName(found.baseName, false));
  await requireFree(domain, 'It may describe a domain that was made by hand. Move it away.');
  await requireSpace(scope);
  step('preflight', 'All checks passed');
  return 'warm-rounds';
}

function requireFresh(
  { found, options, step }: CutoverScope,
  { point }: Awaited<ReturnType<typeof requireReplica>>,
): void {
  const age = (Date.now() - Date.parse(point.takenAt)) / 1000;
  step('preflight', `The replica of ${found.label} is of ${point.takenAt}, ${formatDuration(age)} old`);
  if (age * 1000 <= options.maxAgeMs) return;
  const limit = formatDuration(options.maxAgeMs / 1000);
  throw new Hyper2kvmError(
    'usage',
    `The replica of ${found.label} is ${formatDuration(age)} old, and at most ${limit} are allowed.`,
    {
      hint: 'Run sync first, or allow an older replica with --max-age.',
    },
  );
}

function requireRehearsal(
  { found, options, step }: CutoverScope,
  { rehearsal }: Pick<ReplicaState, 'rehearsal'>,
): void {
  if (!options.needsRehearsal) return;
  const hint = `Rehearse with hyper2kvm sync --rehearse, or use --no-rehearsal.`;
  if (rehearsal === undefined) {
    throw new Hyper2kvmError('guest', `The boot of ${found.label} was never rehearsed.`, { hint });
  }
  if (!rehearsal.isGood) {
    const problem = rehearsal.problem ?? 'the guest did not come up.';
    throw new Hyper2kvmError(
      'guest',
      `The last rehearsal of ${found.label} failed (${rehearsal.rehearsedAt}): ${problem}`,
      { hint },
    );
  }
  step('preflight', `The last rehearsal of ${found.label}, of ${rehearsal.rehearsedAt}, was good`);
}

async function requireSpace({ options, output }: CutoverScope): Promise<void> {
  if (options.guest.fix === 'off') return;
  const free = await freeBytes(output);
  if (free >= FIX_BYTES) return;
  const sentence = `The preparation of the guest needs up to ${formatBytes(FIX_BYTES)} in ${output}; ${formatBytes(free)} are free.`;
  throw new Hyper2kvmError('local-file', sentence, { hint: 'Free up space there.' });
}
