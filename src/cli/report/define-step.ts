import { safeText } from '../text/safe-text.ts';
import { shellWord } from '../text/shell-word.ts';

/**
 * The next step after creating disks for KVM with a libvirt domain, indented below a summary. `defined` is the libvirt
 * URI where the domain is already defined.
 */
export function defineStep(domainPath: string, defined: string | undefined): string[] {
  if (defined !== undefined) return [`  Defined in libvirt at ${safeText(defined)}; virsh start runs it.`];
  if (domainPath.endsWith('.yaml')) {
    return ['  Upload the disks as the manifest says, then:', `    kubectl apply -f ${shellWord(domainPath)}`];
  }
  return ['  To make it a VM of this host:', `    virsh define ${shellWord(domainPath)}`];
}
