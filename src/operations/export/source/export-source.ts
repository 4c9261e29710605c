import { formatDuration } from '../../../base/text/amounts.ts';
import { Hyper2kvmError } from '../../../base/errors.ts';
import { pause } from '../../../base/time-limit.ts';
import { powerOff, powerOn, shutdownGuest } from '../../../vsphere/vm/power.ts';
import type { VirtualDisk } from '../../../vsphere/vm/virtual-disk.ts';
import {
  readPowerState,
  readSnapshotDisks,
  readVmFacts,
  type VmFacts,
  type VmSnapshot,
} from '../../../vsphere/vm/vm-facts.ts';
import type { VsphereClient } from '../../../vsphere/session/vsphere-client.ts';
import type { MoRef } from '../../../vsphere/soap/wsdl-types.ts';
import type { CleanUp } from '../../clean-up.ts';
import type { LeftSnapshots } from './left-snapshots.ts';
import { deferRemoval, takeOwnSnapshot, type SnapshotScope } from './own-snapshot.ts';
import { namedSnapshot, OWN_SNAPSHOT_PREFIX, type OwnSnapshot } from './snapshot-names.ts';
import type { PowerChoice } from '../types.ts';
import type { ExportStep } from '../../events.ts';

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

/** What is left to be undone on the server, recorded before it is done, so that the next run can undo it when this one is killed. */
export interface ServerDuties {
  readonly ownSnapshot: OwnSnapshot | undefined;
  /** The VM is to be powered on again. */
  readonly powerOn: boolean;
  announceSnapshot(name: string): Promise<void>;
  announcePowerOn(): Promise<void>;
  /** Never throws. */
  forgetSnapshot(): Promise<void>;
  /** Never throws. */
  forgetPowerOn(): Promise<void>;
}

export interface SourceScope {
  client: VsphereClient;
  vm: string;
  facts: VmFacts;
  job: string;
  /** Takes what must be undone: the removal of the own snapshot, powering the VM on again. */
  cleanUp: CleanUp;
  /** Takes an own snapshot that cannot be removed. */
  left: LeftSnapshots;
  /** What a killed run may have left, and where this one records what must be undone before it is done. */
  duties: ServerDuties;
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
  await settleEarlierRun(power, scope);
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

/**
 * Takes over what a killed run had to undo on the server, whatever options this run has: its snapshot is removed after this export, and a VM that it shut down is powered on again,
 * unless this run is asked to leave it off.
 */
export async function settleEarlierRun(power: PowerChoice, scope: SourceScope): Promise<void> {
  const { facts, duties } = scope;
  const old = leftoverOf(facts, duties);
  const isTaken = power.kind === 'snapshot' && !facts.template;
  const isTheirs = power.kind === 'from-snapshot' && power.name === old?.name;
  if (duties.ownSnapshot !== undefined && (old === undefined || isTheirs)) await duties.forgetSnapshot();
  else if (old !== undefined && !isTaken) deferRemoval(snapshotScope(scope), old.name, () => Promise.resolve(old.ref));
  if (!duties.powerOn) return;
  const isLeftOff = power.kind === 'shutdown' && !power.restart;
  if (isLeftOff || facts.powerState === 'poweredOn') await duties.forgetPowerOn();
  else deferPowerOn(scope, 0);
}

/** The own snapshot of a killed run. One that was announced and not recorded has no MoRef; its name has the job's id in it. */
function leftoverOf(facts: VmFacts, { ownSnapshot }: ServerDuties): VmSnapshot | undefined {
  return facts.snapshots.find(
    ({ ref, name }) => name === ownSnapshot?.name && (ownSnapshot.moRef === '' || ref.value === ownSnapshot.moRef),
  );
}

function snapshotScope({ client, vm, facts, cleanUp, left, duties, step }: SourceScope): SnapshotScope {
  const { ref: vmRef, consolidationNeeded } = facts;
  const forget = () => duties.forgetSnapshot();
  return { client, vm, vmRef, cleanUp, left, consolidationNeeded, step, forget };
}

/** Powers the VM on after the export, as soon as a shutdown that is under way has ended. */
function deferPowerOn({ client, vm, facts, cleanUp, duties, step }: SourceScope, shutdownLimitMs: number): void {
  cleanUp.defer({
    remains: `${vm} is still powered off. Power it on again.`,
    isLasting: true,
    limitMs: shutdownLimitMs + POWER_ON_LIMIT_MS,
    run: async (limit) => {
      step('clean-up', `Powering ${vm} on again`);
      await waitUntilOff(client, facts.ref, shutdownLimitMs, limit);
      await powerOn(client, facts.ref, limit);
      await duties.forgetPowerOn();
    },
  });
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
  const { client, facts, job, duties, step } = scope;
  const old = leftoverOf(facts, duties);
  const name = old?.name ?? `${OWN_SNAPSHOT_PREFIX}${job}`;
  step(
    'snapshot',
    old ? `Taking over snapshot ${name} of the previous run` : `Creating the temporary snapshot ${name}`,
  );
  if (!old) await duties.announceSnapshot(name);
  const ref = await takeOwnSnapshot(snapshotScope(scope), { name, quiesce, old: old?.ref });
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
  scope: SourceScope,
  signal: AbortSignal,
): Promise<void> {
  const { client, vm, facts, step } = scope;
  step('shutdown', `Shutting down the guest of ${vm}, at most ${formatDuration(power.limitMinutes * 60)}`);
  if (power.restart) {
    await scope.duties.announcePowerOn();
    deferPowerOn(scope, power.limitMinutes * 60_000);
  }
  const isDown = facts.toolsRunning && (await shutdownGuest(client, facts.ref, power.limitMinutes * 60_000, signal));
  if (isDown) return;
  if (!power.forcePowerOff) {
    throw new Hyper2kvmError(
      'transfer',
      `The guest of ${vm} did not shut down within ${formatDuration(power.limitMinutes * 60)}.`,
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
