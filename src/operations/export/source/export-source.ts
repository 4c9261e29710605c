import { formatDuration } from '../../../base/text/amounts.ts';
import { Hyper2kvmError } from '../../../base/errors.ts';
import { pause } from '../../../base/time-limit.ts';
import { powerOff, powerOn, shutdownGuest } from '../../../vsphere/vm/power.ts';
import { readSelectedFacts, selectedInSnapshot, type SelectedFacts } from '../../../vsphere/vm/select-disks.ts';
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
import { namedSnapshot, OWN_SNAPSHOT_PREFIX, type FetchedSnapshot, type OwnSnapshot } from './snapshot-names.ts';
import type { PowerChoice } from '../types.ts';
import type { ExportStep } from '../../events.ts';

/** The object to export, at rest: the VM itself when it is off, or one of its snapshots. */
export interface ExportSource {
  /** The object to open the lease on. */
  ref: MoRef;
  /** The selected ones. */
  disks: VirtualDisk[];
  /** Equal identities mean that the disks contain the same bytes. */
  identity: string;
  snapshot: MoRef | undefined;
  ownSnapshot: OwnSnapshot | undefined;
  /** Undefined when quiescing was not requested. */
  quiesced: boolean | undefined;
  /** Set if an earlier run fetched all disks: nothing is opened on the server. */
  fetched?: FetchedSnapshot | undefined;
}

/**
 * Pending work on the server. It is recorded before the action that makes it necessary, so that the next run can do it
 * if this one is killed.
 */
export interface ServerDuties {
  readonly ownSnapshot: OwnSnapshot | undefined;
  /** The VM must be powered on again. */
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
  facts: SelectedFacts;
  job: string;
  /** Receives the actions to undo: removing the export's own snapshot, powering the VM on again. */
  cleanUp: CleanUp;
  /** Records an own snapshot that cannot be removed. */
  left: LeftSnapshots;
  /** The pending work of a killed run, and the record of this run's own. */
  duties: ServerDuties;
  step: (step: ExportStep, detail: string) => void;
}

const POWER_ON_LIMIT_MS = 10 * 60_000;

/** Brings the VM to rest in the way that `power` selects. */
export async function prepareSource(
  power: PowerChoice,
  scope: SourceScope,
  signal: AbortSignal,
): Promise<ExportSource> {
  const { client, facts } = scope;
  await settleEarlierRun(power, scope);
  switch (power.kind) {
    case 'snapshot':
      // A template is always off and has no snapshots.
      return facts.template ? sourceOfVm(facts) : ownSnapshotSource(power.quiesce, scope, signal);
    case 'from-snapshot': {
      const snapshot = namedSnapshot(facts, power.name);
      if (!snapshot)
        throw new Hyper2kvmError('not-found', `${scope.vm} has no snapshot ${JSON.stringify(power.name)} any more.`);
      return snapshotSource(scope, snapshot.ref, { quiesced: undefined, ownSnapshot: undefined }, signal);
    }
    case 'shutdown':
      if (facts.powerState !== 'poweredOff') await shutDown(power, scope, signal);
      return sourceOfVm(await readSelectedFacts(client, facts, signal));
    case 'as-is':
      return sourceOfVm(facts);
  }
}

/**
 * Takes over the pending work of a killed run on the server, whatever options this run has. Its snapshot is removed
 * after this export. A VM that it shut down is powered on again, unless this run is told to leave it off.
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

/** The own snapshot of a killed run. A snapshot that was announced but not recorded has no MoRef; its name contains the job ID. */
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

/** Powers the VM on after the export, once a shutdown in progress has ended. */
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

/** The VM itself as the source. The version of the configuration and, where available, the content ID of each disk identify the content. */
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
  { client, facts }: Pick<SourceScope, 'client' | 'facts'>,
  ref: MoRef,
  { quiesced, ownSnapshot }: Pick<ExportSource, 'quiesced' | 'ownSnapshot'>,
  signal: AbortSignal,
): Promise<ExportSource> {
  const disks = selectedInSnapshot(await readSnapshotDisks(client, ref, signal), facts);
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
  return snapshotSource(scope, ref, { quiesced, ownSnapshot: { moRef: ref.value, name } }, signal);
}

/** The server can skip quiescing without an error; only the snapshot's own property shows it. */
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

/** A guest continues a requested shutdown even if the export is cancelled. The VM can be powered on only after that. */
async function waitUntilOff(client: VsphereClient, vm: MoRef, limitMs: number, signal: AbortSignal): Promise<void> {
  const endsAt = Date.now() + limitMs;
  while (Date.now() < endsAt && (await readPowerState(client, vm, signal)) === 'poweredOn') await pause(2000, signal);
}
