import { InitramfsError } from '../../contract/initramfs/archive/cpio.ts';
import { UnreadCompressionError } from '../../contract/initramfs/archive/decompress.ts';
import { readInitramfsConfig } from '../../contract/initramfs/initramfs-config.ts';
import { unpackInitramfs } from '../../contract/initramfs/archive/unpack.ts';
import type { Guest } from '../../guest.ts';
import { isUnstableName } from '../../inspect/disks/find-device.ts';

/** An initramfs with all firmware has some 300 MiB. */
const MOST_IMAGE_BYTES = 1024 ** 3;

/**
 * True if every volume that the initramfs opens is named by content there, as Debian's hook does: then a crypttab of the root that gets other names is
 * no reason to make the image again. An image that cannot be unpacked is not known to be good.
 */
export async function namesVolumesByContent(
  guest: Pick<Guest, 'files' | 'disks' | 'aliases'>,
  image: string,
): Promise<boolean> {
  const bytes = await guest.files.readBytes(image, MOST_IMAGE_BYTES);
  if (bytes === undefined) return false;
  try {
    const { volumes } = await readInitramfsConfig(await unpackInitramfs([bytes]));
    return volumes.every(({ source }) => !isUnstableName(source, guest));
  } catch (error) {
    if (error instanceof InitramfsError || error instanceof UnreadCompressionError) return false;
    throw error;
  }
}
