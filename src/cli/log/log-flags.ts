import { Flags } from '@oclif/core';

/** Help group for these flags and those for notifications. */
export const LOG_GROUP = 'LOG AND NOTICE';

export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** The flags of commands that can write a log. */
export const LOG_FLAGS = {
  'log-file': Flags.string({
    helpGroup: LOG_GROUP,
    helpValue: 'FILE',
    description:
      'Append one line per event to FILE, whatever the screen shows, such as --log-file /var/log/hyper2kvm.log. Several runs can share the file, and it can be rotated. A new file is readable only by its owner.',
  }),
  'log-format': Flags.string({
    helpGroup: LOG_GROUP,
    options: LOG_FORMATS,
    description:
      'Format of --log-file: text (the lines that a run without a terminal prints) or json (one JSON object per line). Default: text.',
  }),
};
