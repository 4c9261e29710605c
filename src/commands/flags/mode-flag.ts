import { Flags } from '@oclif/core';

/** `--mode`, which `export` and `convert` share. Read by `readMode`. */
export const MODE_FLAG = Flags.string({
  helpValue: 'MODE',
  default: '0600',
  description:
    'Permissions of the files that are written, in octal, such as 0640 for a group that reads them. The umask does not change them. 0600 is enough for --define and for libvirt, which gives the images of a VM to its QEMU while the VM runs; use 0640 when another account reads the files.',
});
