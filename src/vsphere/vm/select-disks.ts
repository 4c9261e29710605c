import { Hyper2kvmError } from '../../base/errors.ts';
import { formatBytes } from '../../base/text/amounts.ts';
import type { VsphereClient } from '../session/vsphere-client.ts';
import type { VirtualDisk } from './virtual-disk.ts';
import { readVmFacts, type VmFacts } from './vm-facts.ts';

/** Which disks of a VM are read. Each word is the number of a disk in hardware order, from 1, or its label. */
export interface DiskChoice {
  /** `only` the named disks, or all disks `except` them. */
  kind: 'only' | 'except';
  /** At least one. */
  words: readonly string[];
}

/** The facts of a VM with only its selected disks. */
export interface SelectedFacts extends VmFacts {
  /** The other disks, in hardware order. */
  leftOut: VirtualDisk[];
  /** The number of each disk of the VM in hardware order, from 1, by disk key. */
  diskNumbers: ReadonlyMap<number, number>;
}

const FLAGS: Readonly<Record<DiskChoice['kind'], string>> = { only: '--disk', except: '--exclude-disk' };

/**
 * Selects disks of a VM; all of them without a choice.
 * @throws Hyper2kvmError `usage` for a word that does not match exactly one disk, and when no disk remains.
 */
export function selectDisks(vm: string, facts: VmFacts, choice: DiskChoice | undefined): SelectedFacts {
  const { disks } = facts;
  const diskNumbers = new Map(disks.map(({ key }, index) => [key, index + 1]));
  if (choice === undefined) return { ...facts, leftOut: [], diskNumbers };
  const flag = FLAGS[choice.kind];
  const refuse = (sentence: string): never => {
    throw new Hyper2kvmError('usage', sentence, { hint: listOf(vm, disks) });
  };
  for (const word of choice.words) {
    const count = namedDisks(disks, word).length;
    if (count === 0) refuse(`${flag} ${JSON.stringify(word)} does not match a disk of ${vm}.`);
    if (count > 1)
      refuse(`${flag} ${JSON.stringify(word)} matches ${count} disks of ${vm}. Use the number of the disk.`);
  }
  const isChosen = chooser(disks, choice);
  if (!disks.some(isChosen)) refuse(`${flag} leaves out every disk of ${vm}.`);
  return {
    ...facts,
    disks: disks.filter(isChosen),
    leftOut: disks.filter((disk) => !isChosen(disk)),
    diskNumbers,
  };
}

/** The disks that a choice selects. Words that match no disk are ignored: {@link selectDisks} reports them. */
export function chosenDisks(disks: readonly VirtualDisk[], choice: DiskChoice | undefined): VirtualDisk[] {
  return choice === undefined ? [...disks] : disks.filter(chooser(disks, choice));
}

/**
 * Reads the facts of a VM again, with the same selection.
 * @throws Hyper2kvmError `transfer` when disks were selected and the VM has other disks now.
 */
export async function readSelectedFacts(
  client: VsphereClient,
  { ref, leftOut, diskNumbers }: SelectedFacts,
  signal: AbortSignal,
): Promise<SelectedFacts> {
  const facts = await readVmFacts(client, ref, signal);
  const numbers = new Map(facts.disks.map(({ key }, index) => [key, index + 1]));
  if (leftOut.length === 0) return { ...facts, leftOut: [], diskNumbers: numbers };
  const isSame =
    numbers.size === diskNumbers.size && [...numbers].every(([key, each]) => diskNumbers.get(key) === each);
  if (!isSame) {
    throw new Hyper2kvmError('transfer', 'Disks of the VM were added or removed during the export.', {
      hint: 'Run the export again when the VM is not being changed.',
    });
  }
  const isLeftOut = ({ key }: VirtualDisk): boolean => leftOut.some((disk) => disk.key === key);
  return {
    ...facts,
    disks: facts.disks.filter((disk) => !isLeftOut(disk)),
    leftOut: facts.disks.filter(isLeftOut),
    diskNumbers: numbers,
  };
}

/**
 * The selected ones of the disks at the time of a snapshot.
 * @throws Hyper2kvmError `usage` when disks were selected and the snapshot has other disks than the VM: it is then
 * unknown which of them are meant.
 */
export function selectedInSnapshot(
  inSnapshot: readonly VirtualDisk[],
  { disks, leftOut, diskNumbers }: SelectedFacts,
): VirtualDisk[] {
  if (leftOut.length === 0) return [...inSnapshot];
  const keys = new Set(disks.map(({ key }) => key));
  const selected = inSnapshot.filter(({ key }) => keys.has(key));
  if (selected.length === disks.length && inSnapshot.every(({ key }) => diskNumbers.has(key))) return selected;
  throw new Hyper2kvmError(
    'usage',
    '--disk and --exclude-disk cannot be used with this snapshot: it has other disks than the VM has now.',
    { hint: 'Export all disks of the snapshot, or the current state of the VM.' },
  );
}

/** The numbers of these disks in hardware order, from 1. They do not depend on the selection. */
export function numbersOf(
  disks: readonly VirtualDisk[],
  { leftOut, diskNumbers }: Pick<SelectedFacts, 'leftOut' | 'diskNumbers'>,
): number[] {
  // A snapshot of a complete VM can have other disks than the VM.
  return disks.map(({ key }, index) => (leftOut.length === 0 ? undefined : diskNumbers.get(key)) ?? index + 1);
}

function chooser(disks: readonly VirtualDisk[], { kind, words }: DiskChoice): (disk: VirtualDisk) => boolean {
  const named = new Set(words.flatMap((word) => namedDisks(disks, word)));
  return (disk) => named.has(disk) === (kind === 'only');
}

function namedDisks(disks: readonly VirtualDisk[], word: string): VirtualDisk[] {
  if (/^\d+$/.test(word)) return disks.filter((_, index) => index + 1 === Number(word));
  return disks.filter(({ label }) => label.toLowerCase() === word.toLowerCase());
}

function listOf(vm: string, disks: readonly VirtualDisk[]): string {
  if (disks.length === 0) return `${vm} has no disks.`;
  const list = disks.map(({ label, capacityBytes }, index) => `${index + 1} (${label}, ${formatBytes(capacityBytes)})`);
  return `The disks of ${vm} are ${list.join(', ')}.`;
}
