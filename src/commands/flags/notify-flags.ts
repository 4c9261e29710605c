import { Flags, type Interfaces } from '@oclif/core';
import { Hyper2kvmError } from '../../base/errors.ts';
import { readDuration } from '../../cli/input/option-values.ts';
import { LOG_GROUP } from '../../cli/log/log-flags.ts';
import type { NotifyOptions } from '../../jobs/notify-command.ts';

/** Enough for a mail server with a slow greeting. The end of a job waits for the command. */
const DEFAULT_LIMIT = '60s';

/** The notification flags of commands that write a job record. */
export const NOTIFY_FLAGS = {
  'notify-command': Flags.string({
    helpGroup: LOG_GROUP,
    helpValue: 'CMD',
    description:
      'Run CMD with sh -c when the job has ended in any state (done, partial, failed, interrupted), with the job record as JSON on its standard input: --notify-command \'mail -s "export: $HYPER2KVM_JOB_STATE" ops\'. If CMD fails, a warning is printed.',
  }),
  'notify-timeout': Flags.string({
    helpGroup: LOG_GROUP,
    helpValue: 'TIME',
    description: `Stop the notify command after TIME, such as 90s or 2m. Default: ${DEFAULT_LIMIT}.`,
  }),
};

type NotifyFlagValues = Interfaces.InferredFlags<typeof NOTIFY_FLAGS>;

/**
 * Parses the notification flags.
 * @throws usage errors.
 */
export function readNotify(flags: NotifyFlagValues): NotifyOptions | undefined {
  const { 'notify-command': command, 'notify-timeout': limit } = flags;
  if (command === undefined) {
    if (limit === undefined) return undefined;
    throw new Hyper2kvmError('usage', '--notify-timeout needs --notify-command.', { hint: 'Add --notify-command.' });
  }
  if (command.trim() === '') throw new Hyper2kvmError('usage', '--notify-command is empty.');
  return { command, limitMs: readDuration('--notify-timeout', limit ?? DEFAULT_LIMIT) };
}
