import { Flags, type Interfaces } from '@oclif/core';
import { Hyper2kvmError } from '../../base/errors.ts';
import { readCount } from '../../cli/input/option-values.ts';
import type { ExportOptions } from '../../operations/export/types.ts';

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
  'if-changed': Flags.boolean({
    default: false,
    helpGroup: REPEAT,
    description:
      'Skip a VM that is as it was at its last export with this flag into that place: its configuration, and its disks by the content IDs of the server. A VM that runs counts as changed, since what its guest writes cannot be seen. Goes with --keep or --force.',
  }),
};

type RepeatFlagValues = Interfaces.InferredFlags<typeof REPEAT_FLAGS> & {
  'skip-existing': boolean;
  define?: string | undefined;
};

/** Reads the flags for exports that are repeated. Throws usage errors. */
export function readRepeatOptions(flags: RepeatFlagValues): Pick<ExportOptions, 'keep' | 'ifChanged'> {
  const { keep, define, 'if-changed': ifChanged } = flags;
  if (keep !== undefined && define !== undefined) {
    throw new Hyper2kvmError('usage', '--keep and --define exclude each other.', {
      hint: 'A domain that runs from a generation would lose its disks with it. Define it by hand from a copy.',
    });
  }
  if (ifChanged && flags['skip-existing']) {
    throw new Hyper2kvmError('usage', '--if-changed and --skip-existing exclude each other.', {
      hint: 'The first exports a VM again when it has changed, the second never.',
    });
  }
  return { keep: keep === undefined ? undefined : readCount('--keep', keep, 1, MOST_GENERATIONS), ifChanged };
}
