import { formatDuration } from '../../base/amounts.ts';
import { Hyper2kvmError } from '../../base/errors.ts';
import { pause } from '../../base/time-limit.ts';
import { powerOff, powerOn, shutdownGuest } from '../../vsphere/power.ts';
import type { VirtualDisk } from '../../vsphere/virtual-disk.ts';
import { readPowerState, readSnapshotDisks, readVmFacts, type VmFacts } from '../../vsphere/vm-facts.ts';
import type { VsphereClient } from '../../vsphere/vsphere-client.ts';
import type { MoRef } from '../../vsphere/wsdl-types.ts';
import type { CleanUp } from '../clean-up.ts';
import type { LeftSnapshots } from './left-snapshots.ts';
import { takeOwnSnapshot } from './own-snapshot.ts';
import { namedSnapshot, OWN_SNAPSHOT_PREFIX } from './preflight.ts';
import type { OwnSnapshot } from './resume-record.ts';
import type { ExportStep, PowerChoice } from './types.ts';

/** What is exported, at rest: the VM itself when it is off, or one of its snapshots. */
export interface ExportSource {
  /** What the lease is opened on. */
  ref: MoRef;
  disks: VirtualDisk[];
  /** Equal texts mean that the disks hold the same bytes. */
  identity: string;
  snapshot: MoRef | undefined;
  ownSnapshot: OwnSnapshot | undefined;
  /** Undefined when quiescing was not asked for. */
  quiesced: boolean | undefined;
}

export interface SourceScope {
  client: VsphereClient;
  vm: string;
  facts: VmFacts;
  job: string;
  /** Takes what must be undone: the removal of the own snapshot, powering the VM on again. */
  cleanUp: CleanUp;
  /** An own snapshot that a killed run may have left. */
  leftover: OwnSnapshot | undefined;
  /** Takes an own snapshot that cannot be removed. */
  left: LeftSnapshots;
  /** Told the name of an own snapshot before it is made, for the next run to find when this one is killed. */
  announce: (name: string) => Promise<void>;
  step: (step: ExportStep, detail: string) => void;
}

const POWER_ON_LIMIT_MS = 10 * 60_000;

/** Brings the VM to rest in the way that the user chose. */
export async function prepareSource(
  power: PowerChoice,
  scope: SourceScope,
  signal: AbortSignal,
): Promise<ExportSource> {
  const { client, facts } = scope;
  switch (power.kind) {
    case 'snapshot':
      // A template is always off, and has no snapshots.
      return facts.template ? sourceOfVm(facts) : ownSnapshotSource(power.quiesce, scope, signal);
    case 'from-snapshot': {
      const snapshot = namedSnapshot(facts, power.name);
      if (!snapshot)
        throw new Hyper2kvmError('not-found', `${scope.vm} has no snapshot ${JSON.stringify(power.name)} any more.`);
      return snapshotSource(client, snapshot.ref, { quiesced: undefined, ownSnapshot: undefined }, signal);
    }
    case 'shutdown':
      if (facts.powerState !== 'poweredOff') await shutDown(power, scope, signal);
      return sourceOfVm(await readVmFacts(client, facts.ref, signal));
    case 'as-is':
      return sourceOfVm(facts);
  }
}

/** The VM itself. Its content is told by the configuration's version and, where the server has one, each disk's content ID. */
export function sourceOfVm(facts: VmFacts): ExportSource {
  const disks = facts.disks.map(({ key, fileName, capacityBytes, contentId }) => [
    key,
    fileName,
    capacityBytes,
    contentId,
  ]);
  return {
    ref: facts.ref,
    disks: facts.disks,
    identity: JSON.stringify([facts.instanceUuid, facts.ref.value, facts.changeVersion, disks]),
    snapshot: undefined,
    ownSnapshot: undefined,
    quiesced: undefined,
  };
}

async function snapshotSource(
  client: VsphereClient,
  ref: MoRef,
  { quiesced, ownSnapshot }: Pick<ExportSource, 'quiesced' | 'ownSnapshot'>,
  signal: AbortSignal,
): Promise<ExportSource> {
  const disks = await readSnapshotDisks(client, ref, signal);
  const identity = JSON.stringify([client.content.about.instanceUuid, client.server, ref.value]);
  return { ref, disks, identity, snapshot: ref, ownSnapshot, quiesced };
}

async function ownSnapshotSource(quiesce: boolean, scope: SourceScope, signal: AbortSignal): Promise<ExportSource> {
  const { client, vm, facts, job, cleanUp, left, leftover, announce, step } = scope;
  const { consolidationNeeded } = facts;
  // One that was announced and not recorded has no MoRef; its name has the job's id in it.
  const old = facts.snapshots.find(
    ({ ref, name }) => name === leftover?.name && (leftover.moRef === '' || ref.value === leftover.moRef),
  );
  const name = old?.name ?? `${OWN_SNAPSHOT_PREFIX}${job}`;
  step('snapshot', old ? `Taking over snapshot ${name} of the run before` : `Making the temporary snapshot ${name}`);
  if (!old) await announce(name);
  const ref = await takeOwnSnapshot(
    { client, vm, vmRef: facts.ref, cleanUp, left, consolidationNeeded, step },
    { name, quiesce, old: old?.ref },
  );
  signal.throwIfAborted();
  const quiesced = quiesce ? await wasQuiesced(client, facts.ref, ref, signal) : undefined;
  return snapshotSource(client, ref, { quiesced, ownSnapshot: { moRef: ref.value, name } }, signal);
}

/** Quiescing can be skipped in silence: only the snapshot itself tells. */
async function wasQuiesced(client: VsphereClient, vm: MoRef, snapshot: MoRef, signal: AbortSignal): Promise<boolean> {
  const { snapshots } = await readVmFacts(client, vm, signal);
  return snapshots.find(({ ref }) => ref.value === snapshot.value)?.quiesced ?? false;
}

async function shutDown(
  power: Extract<PowerChoice, { kind: 'shutdown' }>,
  { client, vm, facts, cleanUp, step }: SourceScope,
  signal: AbortSignal,
): Promise<void> {
  step('shutdown', `Shutting down the guest of ${vm}, at most ${formatDuration(power.limitMinutes * 60)}`);
  if (power.restart) {
    cleanUp.defer({
      remains: `${vm} is still powered off: power it on again.`,
      isLasting: true,
      limitMs: power.limitMinutes * 60_000 + POWER_ON_LIMIT_MS,
      run: async (limit) => {
        step('clean-up', `Powering ${vm} on again`);
        await waitUntilOff(client, facts.ref, power.limitMinutes * 60_000, limit);
        await powerOn(client, facts.ref, limit);
      },
    });
  }
  const isDown = facts.toolsRunning && (await shutdownGuest(client, facts.ref, power.limitMinutes * 60_000, signal));
  if (isDown) return;
  if (!power.forcePowerOff) {
    throw new Hyper2kvmError(
      'transfer',
      `The guest of ${vm} was not down after ${formatDuration(power.limitMinutes * 60)}.`,
      {
        hint: 'Give it more time with --shutdown=TIME, or add --force-power-off.',
      },
    );
  }
  step('shutdown', `Powering ${vm} off`);
  await powerOff(client, facts.ref, signal);
}

/** A guest that was asked to shut down does so even when the export is given up meanwhile; only then can it be powered on. */
async function waitUntilOff(client: VsphereClient, vm: MoRef, limitMs: number, signal: AbortSignal): Promise<void> {
  const endsAt = Date.now() + limitMs;
  while (Date.now() < endsAt && (await readPowerState(client, vm, signal)) === 'poweredOn') await pause(2000, signal);
}
