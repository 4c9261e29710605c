import { dirname } from 'node:path';
import type { InsideFolder } from '../../base/files/inside-folder.ts';
import { OpenFile } from '../file/open-file.ts';
import type { SourceFile } from '../file/source-file.ts';
import { isWindowsPath, parentNames } from '../file/windows-path.ts';
import type { ExtentLine, FileName } from './descriptor/descriptor.ts';
import { FlatExtent, ZeroExtent, type Extent } from './extent/extent.ts';
import type { ExtentFiles } from './extent/extent-files.ts';
import { SparseExtent } from './extent/sparse-extent.ts';
import { readSparseLayout } from './extent/sparse-file.ts';
import { MAX_CAPACITY_SECTORS, SECTOR_BYTES } from './layout/sparse-header.ts';

const SLASH = '/'.charCodeAt(0);

/** The source of the extent lines, and the location of their files. */
export interface ExtentContext {
  /** The descriptor file, for error messages. */
  descriptor: SourceFile;
  inside: InsideFolder;
  /** Takes ownership of the extent files, including those opened before an extent that is rejected. */
  files: ExtentFiles;
}

/**
 * Opens the extents of a descriptor in order.
 * @throws Hyper2kvmError kind `image` for an extent that is missing, not allowed, of an unknown type, or too short.
 */
export async function openExtents(lines: readonly ExtentLine[], context: ExtentContext): Promise<Extent[]> {
  const extents: Extent[] = [];
  let sectors = 0;
  for (const line of lines) {
    if (line.sectors === 0) continue;
    const startBytes = sectors * SECTOR_BYTES;
    sectors += line.sectors;
    if (sectors > MAX_CAPACITY_SECTORS) throw context.descriptor.fault(line.offsetBytes, 'the disk is over 64 TiB');
    extents.push(await openExtent(line, startBytes, context));
  }
  if (extents.length === 0) throw context.descriptor.fault(0, 'its descriptor names no extents');
  return extents;
}

async function openExtent(line: ExtentLine, startBytes: number, context: ExtentContext): Promise<Extent> {
  const lengthBytes = line.sectors * SECTOR_BYTES;
  switch (line.type) {
    case 'ZERO':
      return new ZeroExtent(startBytes, lengthBytes);
    case 'FLAT':
    case 'VMFS':
      return openFlat(line, startBytes, context);
    case 'SPARSE':
    case 'VMFSSPARSE':
    case 'SESPARSE':
      return openSparse(line, startBytes, context);
    default:
      throw context.descriptor.fault(
        line.offsetBytes,
        `an extent of type ${line.type} is not supported`,
        'The data of a raw device mapping is on a device of the host. Clone the disk to a VMDK there.',
      );
  }
}

async function openFlat(line: ExtentLine, startBytes: number, context: ExtentContext): Promise<Extent> {
  const { number, source } = await openNamed(line, context);
  const lengthBytes = line.sectors * SECTOR_BYTES;
  const fileOffsetBytes = line.startSector * SECTOR_BYTES;
  if (fileOffsetBytes + lengthBytes > source.sizeBytes) {
    const what = `the file is truncated: according to its descriptor, an extent is in bytes ${fileOffsetBytes} to ${fileOffsetBytes + lengthBytes}`;
    throw source.fault(source.sizeBytes, what);
  }
  return new FlatExtent(startBytes, lengthBytes, number, fileOffsetBytes);
}

async function openSparse(line: ExtentLine, startBytes: number, context: ExtentContext): Promise<Extent> {
  const { number, source } = await openNamed(line, context);
  const layout = await readSparseLayout(source);
  const lengthBytes = line.sectors * SECTOR_BYTES;
  if (layout.capacityBytes < lengthBytes) {
    const what = `its capacity is ${layout.capacityBytes} bytes, but its descriptor gives ${lengthBytes}`;
    throw source.fault(0, what);
  }
  return new SparseExtent(source, number, layout, startBytes, lengthBytes);
}

async function openNamed(
  { name, offsetBytes }: ExtentLine,
  { descriptor, inside, files }: ExtentContext,
): Promise<{ number: number; source: SourceFile }> {
  if (name === undefined) throw descriptor.fault(offsetBytes, 'an extent has no file name');
  const number = await files.add(await openByName('extent', name, offsetBytes, descriptor, inside));
  return { number, source: files.source(number) };
}

/**
 * Opens the file `name`, which `descriptor` refers to at `offsetBytes` as its `role`.
 * @throws Hyper2kvmError kind `image` if that is not allowed or not possible.
 */
export async function openByName(
  role: 'extent' | 'parent',
  name: FileName,
  offsetBytes: number,
  descriptor: SourceFile,
  inside: InsideFolder,
): Promise<OpenFile> {
  const spellings = [name.bytes, Buffer.from(name.text)];
  // Only for a parent, because its CID proves that it is the right file. An extent with a Windows path is a device of a
  // Windows host.
  if (role === 'parent' && isWindowsPath(name.text))
    spellings.push(...parentNames([], [name.text]).map((last) => Buffer.from(last)));
  const shown = JSON.stringify(name.text);
  for (const spelling of spellings) {
    // An absolute path belongs to the host that wrote the descriptor.
    const isAbsolute = spelling[0] === SLASH;
    const found = isAbsolute ? 'outside' : await inside.find(dirname(descriptor.file.path), spelling);
    if (found === 'outside') {
      throw descriptor.fault(
        offsetBytes,
        `its ${role} ${shown} is outside its folder and is not read`,
        'Move the files of the disk to one folder, and let the descriptor name them without a path.',
      );
    }
    if (found !== 'missing') return await OpenFile.open(found.path, { asParent: true, bytes: found.bytes });
  }
  throw descriptor.fault(offsetBytes, `its ${role} ${shown} is missing`, 'Copy that file to the same folder.');
}
