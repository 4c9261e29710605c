import { readSync } from 'node:fs';
import type { ImageFile, MappedImage } from '../model/image.ts';

/** A file that other programs can open instead of an image, and its format. */
export interface ForeignFile {
  path: string;
  format: 'raw' | 'qcow2' | 'vmdk';
}

/**
 * QEMU searches for a parent's name in 20 sectors from the second one on, wherever the header places the descriptor.
 */
const VMDK_HEAD_BYTES = 64 * 1024;
const VMDK_CAPACITY_AT = 12;

/**
 * Returns the file that QEMU can open to read the image at `path` directly, without any other file: no backing file and
 * no extents. File names in an image are untrusted, so QEMU must not open any of them. Undefined if the image must be
 * converted first.
 */
export async function openedByOthers(path: string, image: MappedImage): Promise<ForeignFile | undefined> {
  const flat = await flatFile(image);
  if (flat !== undefined) return { path: flat.path, format: 'raw' };
  const [file, ...more] = image.files;
  // A single extent is not the disk that its descriptor at `path` describes.
  if (file?.path !== path || more.length > 0) return undefined;
  if (image.format === 'qcow2') return { path, format: 'qcow2' };
  if (image.format === 'vmdk' && namesNothing(file)) return { path, format: 'vmdk' };
  return undefined;
}

/** Returns the file whose bytes are the disk's bytes, such as the extent of a flat VMDK. */
async function flatFile(image: MappedImage): Promise<ImageFile | undefined> {
  const { virtualSizeBytes, files } = image;
  let flat: ImageFile | undefined;
  for await (const run of image.map(0, virtualSizeBytes)) {
    const isFlat = run.kind === 'data' && run.offsetBytes === run.fileOffsetBytes;
    const file = isFlat ? files[run.file] : undefined;
    if (file?.sizeBytes !== virtualSizeBytes || (flat !== undefined && flat !== file)) return undefined;
    flat = file;
  }
  return flat;
}

/**
 * Returns true if a sparse VMDK refers to no other file. QEMU reads one with a capacity of 0 as a descriptor, with
 * extents in other files.
 */
function namesNothing({ fd }: ImageFile): boolean {
  const head = Buffer.alloc(VMDK_HEAD_BYTES);
  readSync(fd, head, 0, head.length, 0);
  return head.readBigUInt64LE(VMDK_CAPACITY_AT) > 0n && !head.includes('parentFileNameHint');
}
