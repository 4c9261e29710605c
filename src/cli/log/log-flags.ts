import { Flags } from '@oclif/core';

/** Of these flags and those about the notice of a job's end. */
export const LOG_GROUP = 'LOG AND NOTICE';

export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** The flags of commands that can leave a log. */
export const LOG_FLAGS = {
  'log-file': Flags.string({
    helpGroup: LOG_GROUP,
    helpValue: 'FILE',
    description:
      'Append a line for each event to FILE, whatever the screen shows: --log-file /var/log/hyper2kvm.log. Several runs can share it, and it may be rotated. A new file is for its owner alone.',
  }),
  'log-format': Flags.string({
    helpGroup: LOG_GROUP,
    options: LOG_FORMATS,
    description:
      'Of --log-file: text has the lines that a screen without a terminal shows; json has one JSON object a line. Default: text.',
  }),
};
