import type { KernelWord } from './boot-entry.ts';
import type { WordFinding } from './device-words.ts';

/**
 * The kernel's command line of libguestfs's appliance (`lib/appliance-kcmdline.c` of libguestfs). A hook of the guest that copies `/proc/cmdline`
 * into a boot entry, such as `kernel-install`, would write it there if it ran in the appliance.
 */
const CERTAIN = /^(guestfs_\w+=|TERM=|udevtimeout=6000$|udev\.event-timeout=6000$|cryptomgr\.notests$)/;
/** A guest's own entry can have one of these. */
const SUSPICIOUS =
  /^(edd=off|no_timer_check|printk\.time=1|cgroup_disable=memory|usbcore\.nousb|tsc=reliable|8250\.nr_uarts=1|lpj=\d+|acpi=off)$/;
/** Fedora's and Ubuntu's cloud images have two. */
const MOST_SUSPICIOUS = 2;

/** The words that come from the appliance. */
export function checkApplianceWords(words: readonly KernelWord[]): WordFinding[] {
  const certain = words.filter(({ text }) => CERTAIN.test(text));
  const suspicious = words.filter(({ text }) => SUSPICIOUS.test(text));
  const found = certain.length > 0 || suspicious.length > MOST_SUSPICIOUS ? [...certain, ...suspicious] : [];
  const [first] = found;
  if (!first) return [];
  const { file, line } = first;
  const reason = `${found.map(({ text }) => text).join(' ')} is from the command line of the appliance that changed the guest.`;
  return [{ file, line, verdict: 'not-ready', reason }];
}
