import { initramfsBytes } from '../../contract/boot-entries/loaders/pe-image.ts';
import { InitramfsError } from '../../contract/initramfs/archive/cpio.ts';
import { UnreadCompressionError } from '../../contract/initramfs/archive/decompress.ts';
import { readInitramfsConfig } from '../../contract/initramfs/initramfs-config.ts';
import { unpackInitramfs } from '../../contract/initramfs/archive/unpack.ts';
import type { Guest } from '../../guest.ts';
import { isUnstableName } from '../../inspect/disks/find-device.ts';

/** An initramfs with all firmware has about 300 MiB. */
const MOST_IMAGE_BYTES = 1024 ** 3;

/**
 * True if the initramfs names every volume that it opens by content, as Debian's hook does. A crypttab on the root
 * file system with new names is then no reason to rebuild the image. Returns false for an image that cannot be
 * unpacked.
 */
export async function namesVolumesByContent(
  guest: Pick<Guest, 'files' | 'disks' | 'aliases'>,
  image: string,
): Promise<boolean> {
  const bytes = await guest.files.readBytes(image, MOST_IMAGE_BYTES);
  if (bytes === undefined) return false;
  try {
    const { volumes } = await readInitramfsConfig(await unpackInitramfs([initramfsBytes(bytes)]));
    return volumes.every(({ source }) => !isUnstableName(source, guest));
  } catch (error) {
    if (error instanceof InitramfsError || error instanceof UnreadCompressionError) return false;
    throw error;
  }
}
