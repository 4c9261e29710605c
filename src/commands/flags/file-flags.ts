import { Flags } from '@oclif/core';

/** `--mode`, shared by `export` and `convert`. `readMode` parses it. */
export const MODE_FLAG = Flags.string({
  helpValue: 'MODE',
  default: '0600',
  description:
    'Octal permissions of the output files, such as 0640 to let a group read them. The umask has no effect on them. 0600 is enough for --define and for libvirt, which gives a running VM access to its images; use 0640 if another account reads the files.',
});

/** `--manifest`, shared by `export` and `convert`. */
export const MANIFEST_FLAG = Flags.boolean({
  default: false,
  description:
    'Write a manifest (NAME.mf) with the SHA-256 of each file of the result, for hyper2kvm verify and sha256sum --check. The finished images are read once more for it, including the holes of raw images. OVF, OVA and VMDK exports always have one.',
});
