import { readSync } from 'node:fs';
import type { ImageFile, MappedImage } from '../model/image.ts';

/** A file that other programs may open in an image's place, and what to open it as. */
export interface ForeignFile {
  path: string;
  format: 'raw' | 'qcow2' | 'vmdk';
}

/** QEMU looks for a parent's name in 20 sectors from the second on, wherever the header says that the descriptor is. */
const VMDK_HEAD_BYTES = 64 * 1024;
const VMDK_CAPACITY_AT = 12;

/**
 * How QEMU can read the image at `path` as it stands, without any other file: no backing file, no extents. What an image names comes from nobody that is trusted, so that what QEMU would
 * open besides must be nothing. Undefined where the image has to be converted first.
 */
export async function openedByOthers(path: string, image: MappedImage): Promise<ForeignFile | undefined> {
  const flat = await flatFile(image);
  if (flat !== undefined) return { path: flat.path, format: 'raw' };
  const [file, ...more] = image.files;
  // A lone extent is not the disk that its descriptor, at `path`, tells of.
  if (file?.path !== path || more.length > 0) return undefined;
  if (image.format === 'qcow2') return { path, format: 'qcow2' };
  if (image.format === 'vmdk' && namesNothing(file)) return { path, format: 'vmdk' };
  return undefined;
}

/** The file that is the disk itself, byte for byte, as that of a flat VMDK is. */
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

/** Of a sparse VMDK. One without a capacity is a descriptor for QEMU, with extents in other files. */
function namesNothing({ fd }: ImageFile): boolean {
  const head = Buffer.alloc(VMDK_HEAD_BYTES);
  readSync(fd, head, 0, head.length, 0);
  return head.readBigUInt64LE(VMDK_CAPACITY_AT) > 0n && !head.includes('parentFileNameHint');
}
