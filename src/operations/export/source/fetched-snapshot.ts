import type { VmFacts } from '../../../vsphere/vm/vm-facts.ts';
import type { ExportSource } from './export-source.ts';
import type { FetchedSnapshot } from './snapshot-names.ts';

/**
 * How long the disks of a removed snapshot are reused. A running VM changes, so that an export that is scheduled once a
 * day must not use the disks of the day before.
 */
const REUSE_LIMIT_MS = 12 * 3_600_000;

/** What to record about an own snapshot when all its disks have arrived; undefined for other sources. */
export function fetchedSnapshot(facts: VmFacts, source: ExportSource, now = new Date()): FetchedSnapshot | undefined {
  const { ownSnapshot, identity, quiesced, fetched } = source;
  if (ownSnapshot === undefined) return fetched;
  return { identity, vm: identityOf(facts), fetchedAt: now.toISOString(), quiesced };
}

/** The recorded snapshot as the source of a later run; undefined if it is too old, or the VM has other disks now. */
export function sourceOfFetched(
  facts: VmFacts,
  fetched: FetchedSnapshot | undefined,
  now = new Date(),
): ExportSource | undefined {
  if (fetched === undefined || fetched.vm !== identityOf(facts)) return undefined;
  const ageMs = now.getTime() - Date.parse(fetched.fetchedAt);
  if (!(ageMs >= 0 && ageMs < REUSE_LIMIT_MS)) return undefined;
  const { identity, quiesced } = fetched;
  return {
    ref: facts.ref,
    disks: facts.disks,
    identity,
    snapshot: undefined,
    ownSnapshot: undefined,
    quiesced,
    fetched,
  };
}

function identityOf({ instanceUuid, ref, disks }: VmFacts): string {
  return JSON.stringify([instanceUuid, ref.value, disks.map(({ key, capacityBytes }) => [key, capacityBytes])]);
}
