import { Flags, type Interfaces } from '@oclif/core';
import { Hyper2kvmError } from '../../base/errors.ts';
import { readCount } from '../../cli/input/option-values.ts';
import type { ExportOptions } from '../../operations/export/types.ts';

const REPEAT = 'SCHEDULED EXPORTS';
/** More than anybody keeps; catches a count with an extra digit. */
const MOST_GENERATIONS = 10_000;

/** Flags for scheduled exports, for example by cron. See docs/cron.md. */
export const REPEAT_FLAGS = {
  keep: Flags.string({
    helpGroup: REPEAT,
    helpValue: 'N',
    description:
      'Write each export as a new generation, DIR/<VM name>/<time>/, with a link "latest" next to it. When it is complete, remove all but the newest N generations.',
  }),
  'if-changed': Flags.boolean({
    default: false,
    helpGroup: REPEAT,
    description:
      'Skip a VM that has not changed since its last export with this flag to the same output: its configuration, and the content IDs of its disks on the server. A running VM always counts as changed, since guest writes cannot be detected. Use it with --keep or --force.',
  }),
};

type RepeatFlagValues = Interfaces.InferredFlags<typeof REPEAT_FLAGS> & {
  'skip-existing': boolean;
  define?: string | undefined;
};

/**
 * Parses the flags for scheduled exports.
 * @throws usage errors.
 */
export function readRepeatOptions(flags: RepeatFlagValues): Pick<ExportOptions, 'keep' | 'ifChanged'> {
  const { keep, define, 'if-changed': ifChanged } = flags;
  if (keep !== undefined && define !== undefined) {
    throw new Hyper2kvmError('usage', '--keep and --define are mutually exclusive.', {
      hint: 'When a generation is removed, its domain would lose its disks. Copy the generation, and define the domain manually.',
    });
  }
  if (ifChanged && flags['skip-existing']) {
    throw new Hyper2kvmError('usage', '--if-changed and --skip-existing are mutually exclusive.', {
      hint: '--if-changed exports a VM again when it has changed; --skip-existing never does.',
    });
  }
  return { keep: keep === undefined ? undefined : readCount('--keep', keep, 1, MOST_GENERATIONS), ifChanged };
}
