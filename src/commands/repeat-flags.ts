import { Flags } from '@oclif/core';
import { Hyper2kvmError } from '../base/errors.ts';
import { readCount } from '../cli/input/option-values.ts';
import type { ExportOptions } from '../operations/export/types.ts';

const REPEAT = 'AGAIN AND AGAIN';
/** Nobody keeps more; a count with a digit too many is found. */
const MOST_GENERATIONS = 10_000;

/** Flags for exports that are made again and again, by cron. See docs/cron.md. */
export const REPEAT_FLAGS = {
  keep: Flags.string({
    helpGroup: REPEAT,
    helpValue: 'N',
    description:
      'Make each export a generation of its own, DIR/<VM name>/<time>/, with a link "latest" beside it, and when it is whole remove all but the newest N.',
  }),
};

/** The values of {@link REPEAT_FLAGS}, as oclif gives them. */
export interface RepeatFlagValues {
  keep?: string | undefined;
  define?: string | undefined;
}

/** Reads the flags for exports that are repeated. Throws usage errors. */
export function readRepeatOptions({ keep, define }: RepeatFlagValues): Pick<ExportOptions, 'keep'> {
  if (keep !== undefined && define !== undefined) {
    throw new Hyper2kvmError('usage', '--keep and --define exclude each other.', {
      hint: 'A domain that runs from a generation would lose its disks with it. Define it by hand from a copy.',
    });
  }
  return { keep: keep === undefined ? undefined : readCount('--keep', keep, 1, MOST_GENERATIONS) };
}
