import { Flags } from '@oclif/core';
import { Hyper2kvmError } from '../../base/errors.ts';
import type { DiskChoice } from '../../vsphere/vm/select-disks.ts';

const DISK = { helpValue: 'N|LABEL', multiple: true, multipleNonGreedy: true } as const;

/** The choice of disks of `export`. */
export const DISK_FLAGS = {
  disk: Flags.string({
    ...DISK,
    description:
      'Export only this disk: its number in hardware order, counting from 1, or its label, such as "Hard disk 2". Can be repeated. Files keep the number of their disk, and the descriptor or domain attaches only the exported disks.',
  }),
  'exclude-disk': Flags.string({
    ...DISK,
    description:
      'Export all disks except this one, named as for --disk. Can be repeated. What prevents the export of the disk, such as a raw device mapping, then does not prevent the export of the VM.',
  }),
};

/** @throws usage errors for both flags together, and for an empty value. */
export function readDiskChoice(flags: {
  disk?: string[] | undefined;
  'exclude-disk'?: string[] | undefined;
}): DiskChoice | undefined {
  const [only, except] = [wordsOf('--disk', flags.disk), wordsOf('--exclude-disk', flags['exclude-disk'])];
  if (only !== undefined && except !== undefined) {
    throw new Hyper2kvmError('usage', '--disk and --exclude-disk are mutually exclusive.', {
      hint: 'Name the disks to export, or the disks to leave out.',
    });
  }
  if (only !== undefined) return { kind: 'only', words: only };
  return except && { kind: 'except', words: except };
}

/** Sorted and without repetitions: two spellings of one choice give the same export. */
function wordsOf(flag: string, values: readonly string[] | undefined): string[] | undefined {
  if (values === undefined || values.length === 0) return undefined;
  const words = [...new Set(values.map((value) => value.trim()))].toSorted((a, b) => (a < b ? -1 : 1));
  if (!words.includes('')) return words;
  throw new Hyper2kvmError('usage', `${flag} is empty.`, { hint: 'Give the number or the label of a disk.' });
}
