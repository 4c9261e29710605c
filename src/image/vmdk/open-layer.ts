import type { InsideFolder } from '../../base/files/inside-folder.ts';
import type { Hyper2kvmError } from '../../base/errors.ts';
import { shellWord } from '../../base/text/shell-word.ts';
import type { OpenFile } from '../file/open-file.ts';
import { SourceFile } from '../file/source-file.ts';
import { COWD_MAGIC } from './extent/cowd.ts';
import { descriptorBeside } from './descriptor/descriptor-beside.ts';
import { MAX_DESCRIPTOR_BYTES, isDescriptor, parseDescriptor, type VmdkDescriptor } from './descriptor/descriptor.ts';
import { ExtentFiles } from './extent/extent-files.ts';
import { readHostedSparse, type HostedSparse } from './extent/hosted-sparse.ts';
import { readU32 } from './layout/marker.ts';
import { openExtents } from './open-extents.ts';
import { SparseExtent } from './extent/sparse-extent.ts';
import { SE_SPARSE_MAGIC } from './extent/se-sparse.ts';
import { SECTOR_BYTES, SPARSE_MAGIC } from './layout/sparse-header.ts';
import { VmdkImage } from './vmdk-image.ts';

/** One disk of a chain. */
export interface VmdkLayer {
  image: VmdkImage;
  /**
   * The file that names the extents and the parent: a descriptor file, or a sparse file with an embedded descriptor.
   */
  source: SourceFile;
  descriptor: VmdkDescriptor | undefined;
}

/**
 * Opens the disk in `file`, without its parent. The image closes `file`. If this function throws, the caller closes it.
 */
export async function openLayer(file: OpenFile, inside: InsideFolder): Promise<VmdkLayer> {
  const source = new SourceFile(file, 'VMDK');
  const head = await file.read(0, SECTOR_BYTES);
  const magic = readU32(head, 0);
  if (magic === SPARSE_MAGIC) return openWithinItself(source);
  if (isDescriptor(head)) return openDescriptor(source, inside);
  if (magic === COWD_MAGIC || magic === SE_SPARSE_MAGIC) {
    throw await loneExtent(source, 'it is an extent of a snapshot, which needs its descriptor');
  }
  throw source.fault(0, 'it is neither a descriptor nor a sparse file');
}

async function openDescriptor(source: SourceFile, inside: InsideFolder): Promise<VmdkLayer> {
  const { file, sizeBytes } = source;
  if (sizeBytes > MAX_DESCRIPTOR_BYTES) throw source.fault(0, `a descriptor of ${sizeBytes} bytes is over 1 MiB`);
  const descriptor = parseAt(source, 0, await file.read(0, sizeBytes));
  await using onThrow = new AsyncDisposableStack();
  const files = onThrow.use(new ExtentFiles());
  const extents = await openExtents(descriptor.extents, { descriptor: source, inside, files });
  const variant = descriptor.createType;
  const image = new VmdkImage({
    variant,
    extents,
    files,
    hasParent: descriptor.parentCid !== undefined,
    diskUuid: descriptor.uuid,
  });
  // No run refers to the descriptor file.
  await file[Symbol.asyncDispose]();
  onThrow.move();
  return { image, source, descriptor };
}

/**
 * Opens a sparse file that is the complete disk. The file name in its descriptor is ignored, because files are renamed.
 */
async function openWithinItself(source: SourceFile): Promise<VmdkLayer> {
  const hosted = await readHostedSparse(source);
  const { layout, header } = hosted;
  const descriptor = await embeddedDescriptor(source, hosted);
  // QEMU also reserves space for a descriptor in the extents of a split disk, and leaves it empty.
  if (!header.compressed && (descriptor === undefined || descriptor.extents.length === 0)) {
    throw await loneExtent(source, 'it contains no descriptor, so it is only one extent of a disk');
  }
  const files = new ExtentFiles();
  const number = await files.add(source.file);
  const extents = [new SparseExtent(source, number, layout, 0, layout.capacityBytes)];
  const variant = header.compressed ? 'streamOptimized' : descriptor?.createType || 'monolithicSparse';
  const image = new VmdkImage({
    variant,
    extents,
    files,
    hasParent: descriptor?.parentCid !== undefined,
    diskUuid: descriptor?.uuid,
  });
  return { image, source, descriptor };
}

async function embeddedDescriptor(source: SourceFile, { header }: HostedSparse): Promise<VmdkDescriptor | undefined> {
  const { descriptorOffsetSectors, descriptorSectors } = header;
  if (descriptorOffsetSectors === 0 || descriptorSectors === 0) return undefined;
  const [offset, length] = [descriptorOffsetSectors * SECTOR_BYTES, descriptorSectors * SECTOR_BYTES];
  source.requireInside(offset, length, 'its descriptor', 0);
  const descriptor = parseAt(source, offset, await source.file.read(offset, length));
  if (descriptor.extents.length > 1 || descriptor.extents.some(({ type }) => type !== 'SPARSE')) {
    throw source.fault(offset, 'its embedded descriptor refers to extents in other files');
  }
  return descriptor;
}

/** Returns the error for an extent that was given without the rest of its disk. */
async function loneExtent(source: SourceFile, what: string): Promise<Hyper2kvmError> {
  const descriptor = await descriptorBeside(source.file.path);
  const hint =
    descriptor === undefined
      ? 'Convert the descriptor of the disk: the small text file that refers to this file.'
      : `Convert the descriptor: ${shellWord(descriptor)}.`;
  return source.fault(0, what, hint);
}

function parseAt(source: SourceFile, offsetBytes: number, bytes: Uint8Array): VmdkDescriptor {
  return parseDescriptor(bytes, (at, what) => {
    throw source.fault(offsetBytes + at, what);
  });
}
