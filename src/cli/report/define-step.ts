import { shellWord } from '../text/shell-word.ts';

/** The next step after disks for KVM with a libvirt domain, indented under a summary. */
export function defineStep(domainPath: string): string[] {
  return ['  To make it a VM of this host:', `    virsh define ${shellWord(domainPath)}`];
}
