import type { Chain } from '../file/chain.ts';
import type { OpenFile } from '../file/open-file.ts';
import type { SourceFile } from '../file/source-file.ts';
import { IMAGE_FORMATS, type ImageFormat, type MappedImage } from '../model/image.ts';
import { probeFile } from '../probe/probe.ts';
import type { Qcow2Header } from './header.ts';

/**
 * Opens the backing file that a header names. If the header does not give its format, the format is probed, but raw is
 * not accepted: a guest that can write to a raw disk could make it look like an image with a parent of the guest's
 * choice.
 */
export async function openBacking(
  source: SourceFile,
  chain: Chain,
  { name, format }: NonNullable<Qcow2Header['backing']>,
): Promise<MappedImage> {
  const wanted = IMAGE_FORMATS.find((known) => known === format);
  if (format !== undefined && wanted === undefined) {
    throw source.fault(8, `its backing file has the format ${JSON.stringify(format)}, which is not supported`);
  }
  // qemu's rule: text before a colon, and before any slash, is a protocol (`nbd:`, `json:`, `https:`).
  if (/^[^/]*:/.test(name)) {
    throw source.fault(8, `its backing file ${JSON.stringify(name)} is not given as a path`);
  }
  if (name.includes('\0')) throw source.fault(8, 'the name of its backing file contains a NUL character');
  return chain.openParent(source.file, [name], async (file) => wanted ?? probeUndeclared(source, file));
}

async function probeUndeclared(source: SourceFile, file: OpenFile): Promise<ImageFormat> {
  const format = await probeFile(file);
  if (format !== 'raw') return format;
  throw source.fault(
    8,
    `it does not specify the format of its backing file ${file.path}, and the content has no known format`,
    'If the backing file is a raw disk, set its format: qemu-img rebase -u -b NAME -F raw IMAGE.',
  );
}
