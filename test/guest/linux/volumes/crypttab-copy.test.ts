import { expect, test } from '@jest/globals';
import type { GuestFiles } from '../../../../src/guest/guest-files.ts';
import { namesVolumesByContent } from '../../../../src/guest/linux/volumes/crypttab-copy.ts';
import { cpioOf } from '../../contract/initramfs/make-initramfs.ts';
import { treeOfFiles, type TreeContent } from '../../contract/tree-of-files.ts';

const IMAGE = '/boot/initrd.img-6.1.0';

async function isFine(image: Buffer): Promise<boolean> {
  // oxlint-disable-next-line no-unsafe-type-assertion -- the code only reads files
  const files = treeOfFiles({ [IMAGE]: image }) as GuestFiles;
  return await namesVolumesByContent({ files, disks: [{ path: 'a', format: 'raw' }] }, IMAGE);
}

test.each<[string, TreeContent, boolean]>([
  ["Debian's copy by UUID", { '/cryptroot/crypttab': 'sda3_crypt UUID=aaaa none luks\n' }, true],
  ["Debian's copy by a name of the old hardware", { '/cryptroot/crypttab': 'sda3_crypt /dev/sda3 none luks\n' }, false],
  [
    "dracut's copy by an id of VMware",
    { '/etc/crypttab': 'a UUID=aaaa none\nb /dev/disk/by-id/wwn-0x6000c29a1b2c3d4e-part3 none\n' },
    false,
  ],
  ['an empty copy', { '/cryptroot/crypttab': '' }, true],
])('an image with %s: good as it is %#', async (_what, tree, expected) => {
  expect(await isFine(cpioOf(tree))).toBe(expected);
});

test('an image that cannot be unpacked is not known to be good', async () => {
  expect(await isFine(Buffer.from('not an archive'))).toBe(false);
});
