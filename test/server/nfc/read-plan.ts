import type { DiskFile } from './disk-file.ts';
import type { NfcFaultAt } from './nfc-faults.ts';
import type { FragmentOrder } from './nfc-options.ts';

const SECTOR_BYTES = 512;

/** A part of the answer to a read. What it claims can differ from what it contains because of a scripted fault. */
export interface Fragment {
  /** Where the bytes begin in the read, and how many there are. */
  from: number;
  bytes: number;
  /** The place and length in the fragment's header. */
  place: number;
  length: number;
}

/** A read in flight. */
export interface PendingRead {
  operation: number;
  file: DiskFile;
  /** The file's record, which counts the bytes. */
  record: { bytesRead: number };
  packing: number;
  storedAs: 'none' | 'requested';
  offset: number;
  length: number;
  order: FragmentOrder;
  /** The fragments that are not sent yet. */
  fragments: Fragment[];
  sentFragments: number;
  sentBytes: number;
  fault: NfcFaultAt<'read'> | undefined;
}

/** Divides a read into fragments, and applies the scripted fault to them. */
export function planFragments(
  length: number,
  fragmentBytes: number,
  fault: NfcFaultAt<'read'> | undefined,
): Fragment[] {
  const action = fault?.action;
  // Faults of two fragments need two of them.
  const needsTwo = action === 'overlap' || action === 'gap' || action === 'missing-fragment' || action === 'reversed';
  const half = Math.ceil(length / 2 / SECTOR_BYTES) * SECTOR_BYTES;
  const step = needsTwo && length <= fragmentBytes ? half : fragmentBytes;
  const fragments: Fragment[] = [];
  for (let from = 0; from < length; from += step) {
    const bytes = Math.min(step, length - from);
    fragments.push({ from, bytes, place: from, length: bytes });
  }
  const last = fragments.at(-1);
  const [first, second] = fragments;
  if (action === 'twice' && first !== undefined) fragments.splice(1, 0, { ...first });
  if (action === 'missing-fragment') fragments.pop();
  if (action === 'past-the-end' && last !== undefined) last.place += SECTOR_BYTES;
  if (action === 'overlap' && second !== undefined) {
    // It begins a sector early and is one sector longer, so that the end is right.
    replace(second, second.from - SECTOR_BYTES, second.bytes + SECTOR_BYTES);
  }
  if (action === 'gap' && second !== undefined)
    replace(second, second.from + SECTOR_BYTES, second.bytes - SECTOR_BYTES);
  return fragments.filter((each) => each.length > 0);
}

function replace(fragment: Fragment, from: number, bytes: number): void {
  Object.assign(fragment, { from, bytes, place: from, length: bytes });
}

/** Takes the next fragment to send from the reads in flight, which are in order of arrival. */
export function takeNext(reads: readonly PendingRead[], random: () => number): [PendingRead, Fragment] | undefined {
  const [head] = reads;
  if (head === undefined) return undefined;
  const mixable = reads.filter((each) => each.order === 'mixed');
  const read = head.order === 'mixed' ? (mixable[Math.floor(random() * mixable.length)] ?? head) : head;
  const index = { 'in-order': 0, reversed: -1, mixed: Math.floor(random() * read.fragments.length) }[read.order];
  const [fragment] = read.fragments.splice(index, 1);
  return fragment === undefined ? undefined : [read, fragment];
}
