import type { MappedImage } from '../model/image.ts';
import { fillContent } from '../copy/fill-window.ts';
import { planWindows } from '../copy/plan-windows.ts';

const SECTOR_BYTES = 512;

/** True for a disk that firmware may start, or that is partitioned: MBR, GPT behind its protective MBR, and boot sectors end the first sector with 55 AA. */
export async function hasBootSignature(image: MappedImage): Promise<boolean> {
  if (image.virtualSizeBytes < SECTOR_BYTES) return false;
  for await (const window of planWindows(image)) {
    if (window.offsetBytes > 0) return false;
    const content = Buffer.alloc(window.lengthBytes);
    fillContent(window, window.parts, content);
    return content.readUInt16BE(SECTOR_BYTES - 2) === 0x55aa;
  }
  return false;
}
