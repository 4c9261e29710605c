import type { KernelWord } from './boot-entry.ts';
import type { WordFinding } from './device-words.ts';

/**
 * The kernel command line of the libguestfs appliance (`lib/appliance-kcmdline.c` of libguestfs). A guest hook that
 * copies `/proc/cmdline` into a boot entry, such as `kernel-install`, would write it there if it ran in the
 * appliance.
 */
const CERTAIN = /^(guestfs_\w+=|TERM=|udevtimeout=6000$|udev\.event-timeout=6000$|cryptomgr\.notests$)/;
/** A guest's own entry can contain one of these. */
const SUSPICIOUS =
  /^(edd=off|no_timer_check|printk\.time=1|cgroup_disable=memory|usbcore\.nousb|tsc=reliable|8250\.nr_uarts=1|lpj=\d+|acpi=off)$/;
/** The cloud images of Fedora and Ubuntu have two. */
const MOST_SUSPICIOUS = 2;

/** Reports the words that come from the appliance. */
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
