import { hasBootSignature } from '../../base/disk/boot-sector.ts';
import type { MappedImage } from '../model/image.ts';
import { fillContent } from '../copy/fill-window.ts';
import { planWindows } from '../copy/plan-windows.ts';

/** Whether the first sector of the disk has a boot signature. */
export async function hasBootSector(image: MappedImage): Promise<boolean> {
  for await (const window of planWindows(image)) {
    if (window.offsetBytes > 0) return false;
    const content = Buffer.alloc(window.lengthBytes);
    fillContent(window, window.parts, content);
    return hasBootSignature(content);
  }
  return false;
}
