import { array, number, object, optional, string, type InferOutput } from 'valibot';
import { readConfigDigest } from '../../../vsphere/vm/config-digest.ts';
import { readSelectedFacts, type SelectedFacts } from '../../../vsphere/vm/select-disks.ts';
import { readVmFacts, type VmFacts } from '../../../vsphere/vm/vm-facts.ts';
import type { VsphereClient } from '../../../vsphere/session/vsphere-client.ts';
import { namedSnapshot } from '../source/snapshot-names.ts';
import type { ExportOptions, PowerChoice } from '../types.ts';

/** The state that a later run compares with to detect that a VM has not changed since its export. */
export const SourceStateSchema = object({
  /** `config.changeVersion`. */
  changeVersion: string(),
  disks: array(object({ label: string(), fileName: string(), capacityBytes: number(), contentId: string() })),
  /** With `--from-snapshot`: the exported snapshot. */
  snapshot: optional(string()),
});
export type SourceState = InferOutput<typeof SourceStateSchema>;

/** The state of a VM before its export. */
export interface SourceWatch {
  facts: SelectedFacts;
  digest: string | undefined;
}

export async function watchSource(
  client: VsphereClient,
  facts: SelectedFacts,
  signal: AbortSignal,
): Promise<SourceWatch> {
  const digest = await readConfigDigest(client, facts.ref, signal);
  // Two separate reads: both must return the same version.
  const { changeVersion } = await readVmFacts(client, facts.ref, signal);
  return { facts, digest: changeVersion === facts.changeVersion ? digest : undefined };
}

/**
 * Returns the state for a later run to compare with. It is read after the export, because creating an own snapshot
 * increments the configuration's version. Undefined when later comparison is not reliable: the VM is on, its disks have
 * no content IDs, or the VM was changed during the export.
 */
export async function settleSource(
  client: VsphereClient,
  before: SourceWatch,
  options: ExportOptions,
  signal: AbortSignal,
): Promise<SourceState | undefined> {
  const { facts, digest } = await watchSource(client, await readSelectedFacts(client, before.facts, signal), signal);
  if (digest === undefined || digest !== before.digest) return undefined;
  const [earlier, state] = [stateOf(before.facts, options), stateOf(facts, options)];
  if (unsettled(before.facts, options.power) ?? unsettled(facts, options.power)) return undefined;
  return diskChange(earlier, state) === undefined ? state : undefined;
}

/** The reason why the VM has to be exported again, as a clause; undefined when it has not changed. */
export function changeSince(
  state: SourceState | undefined,
  facts: VmFacts,
  options: ExportOptions,
): string | undefined {
  if (state === undefined) return 'its last export recorded no state to compare with';
  const now = stateOf(facts, options);
  const unknown = unsettled(facts, options.power);
  if (unknown !== undefined) return unknown;
  if (now.changeVersion !== state.changeVersion) return 'its configuration was changed';
  return diskChange(state, now);
}

/** Why changes cannot be detected. A running VM writes to its disks without any indication in the API. */
function unsettled(facts: VmFacts, power: PowerChoice): string | undefined {
  if (facts.changeVersion === '') return 'the server does not report the version of its configuration';
  if (power.kind === 'from-snapshot') {
    return snapshotOf(facts, power) === undefined ? `it has no snapshot ${power.name}` : undefined;
  }
  if (facts.powerState !== 'poweredOff') return 'it is not powered off, and guest writes cannot be detected';
  const silent = facts.disks.find(({ contentId }) => contentId === '');
  return silent && `the server does not report the content ID of ${silent.label}`;
}

/** The disks of a snapshot never change. */
function diskChange(then: SourceState, now: SourceState): string | undefined {
  if (then.snapshot !== undefined || now.snapshot !== undefined) {
    return then.snapshot === now.snapshot ? undefined : 'it is another snapshot';
  }
  if (then.disks.length !== now.disks.length) return 'its disks differ';
  const changed = now.disks.find((disk, index) => JSON.stringify(disk) !== JSON.stringify(then.disks[index]));
  return changed && `${changed.label} was written to`;
}

function stateOf(facts: VmFacts, options: ExportOptions): SourceState {
  return {
    changeVersion: facts.changeVersion,
    disks: facts.disks.map(({ label, fileName, capacityBytes, contentId }) => ({
      label,
      fileName,
      capacityBytes,
      contentId,
    })),
    snapshot: options.power.kind === 'from-snapshot' ? snapshotOf(facts, options.power) : undefined,
  };
}

function snapshotOf(facts: VmFacts, power: Extract<PowerChoice, { kind: 'from-snapshot' }>): string | undefined {
  const snapshot = namedSnapshot(facts, power.name);
  return snapshot && `${snapshot.ref.value} ${snapshot.createTime}`;
}
