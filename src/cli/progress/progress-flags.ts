import { Flags } from '@oclif/core';
import { PROGRESS_CHOICES } from '../screen/screen.ts';

const helpGroup = 'PROGRESS';

/** The flags of commands that show progress. */
export const PROGRESS_FLAGS = {
  progress: Flags.option({
    helpGroup,
    options: PROGRESS_CHOICES,
    description:
      'How to show progress on standard error: auto (live on a terminal, otherwise plain), plain (one line per event), none (only warnings and errors), or json (one JSON object per line, for programs: see docs/json.md). Default: auto.',
  })(),
  'progress-fd': Flags.string({
    helpGroup,
    helpValue: 'N',
    description:
      'Write the lines of --progress=json to this file descriptor, such as 3, and leave standard error as it is.',
  }),
  'no-progress': Flags.boolean({
    helpGroup,
    default: false,
    description: 'Show no progress, but still the result. The same as --progress=none.',
  }),
};
