import type { GuestFiles } from '../../guest-files.ts';

/** Files with the kernel's words; entries of the boot loader specification stand in a folder. */
const KERNEL_WORDS = ['/etc/default/grub', '/etc/kernel/cmdline', '/boot/grub/grub.cfg', '/boot/grub2/grub.cfg'];
const ENTRIES = '/boot/loader/entries';
/** A link to `/dev/null` here is systemd's own way to do without them. */
const OVERRIDE = '/etc/systemd/network/99-default.link';

/** Whether the guest leaves cards to the names that udev makes of their slots: `ens192`. */
export async function hasPredictableNames(files: Pick<GuestFiles, 'exists' | 'find' | 'read'>): Promise<boolean> {
  if (await files.exists(OVERRIDE)) return false;
  for (const path of [...KERNEL_WORDS, ...(await files.find(ENTRIES, /\.conf$/))]) {
    if (/\bnet\.ifnames=0\b|\bbiosdevname=1\b/.test((await files.read(path)) ?? '')) return false;
  }
  return true;
}
