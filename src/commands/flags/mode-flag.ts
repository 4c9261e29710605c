import { Flags } from '@oclif/core';

/** `--mode`, shared by `export` and `convert`. `readMode` parses it. */
export const MODE_FLAG = Flags.string({
  helpValue: 'MODE',
  default: '0600',
  description:
    'Octal permissions of the output files, such as 0640 to let a group read them. The umask has no effect on them. 0600 is enough for --define and for libvirt, which gives a running VM access to its images; use 0640 if another account reads the files.',
});
