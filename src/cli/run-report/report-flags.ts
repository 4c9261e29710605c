import { Flags } from '@oclif/core';
import { LOG_GROUP } from '../log/log-flags.ts';

/** The flag of commands that can write a report. */
export const REPORT_FLAGS = {
  report: Flags.string({
    helpGroup: LOG_GROUP,
    helpValue: 'FILE',
    description:
      'Write a report of the run to FILE at its end: .html (one page without scripts, with the screenshots of boot tests), .md or .csv. It is also written when VMs failed or the run was interrupted, but not for a dry run. A report of an earlier run is replaced; any other file only with --force.',
  }),
};
