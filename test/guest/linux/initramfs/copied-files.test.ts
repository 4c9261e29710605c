import { expect, test } from '@jest/globals';
import type { Fix } from '../../../../src/guest/change.ts';
import type { Guestfs } from '../../../../src/guest/guestfs.ts';
import { initramfs } from '../../../../src/guest/linux/initramfs/initramfs.ts';
import { multipath } from '../../../../src/guest/linux/volumes/multipath.ts';
import { plannedOn } from '../planned-on.ts';

const KERNEL = { version: '6.1', image: '/boot/vmlinuz-6.1', initramfs: '/boot/initrd.img-6.1' };
const BOTH: Fix = {
  name: 'volumes',
  plan: async (guest, draft) => {
    await multipath.plan(guest, draft);
    await initramfs.plan(guest, draft);
  },
};

/** Returns the reasons for rebuilding an initramfs that contains these files. */
async function reasons(listed: readonly string[]): Promise<readonly string[]> {
  const session: Pick<Guestfs, 'attempt' | 'lines'> = {
    attempt: () => Promise.resolve(Buffer.from(listed.join('\n'))),
    lines: () => Promise.resolve(['bsize: 4096', 'bavail: 1000000']),
  };
  const files = {
    '/etc/multipath/wwids': '/36000c29a1b2c3d4e5f60718293a4b5c6/\n',
    '/usr/sbin/update-initramfs': 'program',
    '/lib/modules/6.1/modules.builtin': 'virtio_pci.ko\nvirtio_blk.ko\nvirtio_scsi.ko\nvirtio_net.ko\n',
    [KERNEL.initramfs]: 'image',
  };
  // oxlint-disable-next-line no-unsafe-type-assertion -- a plan calls only these methods
  const { changes } = await plannedOn(files, BOTH, { session: session as Guestfs, kernels: [KERNEL] });
  return changes.filter(({ action }) => action === 'run').flatMap(({ details }) => details);
}

test('an initramfs with multipath’s files is made again when they change', async () => {
  expect(await reasons(['init', 'etc/multipath/wwids', 'etc/multipath.conf'])).toEqual([
    'update-initramfs for kernel 6.1: /etc/multipath/wwids changes',
  ]);
});

test('an initramfs without multipath stays', async () => {
  expect(await reasons(['init', 'etc/fstab'])).toEqual([]);
});
