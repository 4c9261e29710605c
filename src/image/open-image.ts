import { Chain } from './file/chain.ts';
import { OpenFile } from './file/open-file.ts';
import type { ImageFormat, MappedImage } from './model/image.ts';
import { probeFile } from './probe/probe.ts';
import { openQcow2 } from './qcow2/open-qcow2.ts';
import { openRaw } from './raw/open-raw.ts';
import { requireRawDisk } from './probe/require-disk.ts';
import type { WrittenRange } from './model/sink.ts';
import { openVdi } from './vdi/open-vdi.ts';
import { openVhd } from './vhd/open-vhd.ts';
import { openVhdx } from './vhdx/open-vhdx.ts';
import { openVmdkFile } from './vmdk/open-vmdk.ts';

interface OpenOptions {
  format?: ImageFormat | undefined;
  /** See `ImageFile`. */
  isUncached?: boolean;
  /** For `format` raw: everything outside these ranges is known to be a hole, and is not read. */
  written?: readonly WrittenRange[] | undefined;
}

/**
 * Opens the image at `path` and all its parents. The format is `format`, or is detected from the content, never from
 * the name. Without `format`, a raw disk must have a known disk signature. Parents are read only from the image's own
 * folder. The caller closes the image: `await using`.
 * @throws Hyper2kvmError kind `local-file` if a file cannot be read; `image` if it is corrupt, not supported, not a
 * disk, or lacks a parent.
 */
export async function openImage(
  path: string,
  { format, isUncached = false, written }: OpenOptions = {},
): Promise<MappedImage> {
  const file = await OpenFile.open(path, { isUncached });
  try {
    if (format === 'raw' && written !== undefined) return openRaw(file, written);
    const chain = await Chain.startingAt(file, openAs);
    return await openAs(file, format ?? (await formatOf(file)), chain);
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}

async function formatOf(file: OpenFile): Promise<ImageFormat> {
  const format = await probeFile(file);
  if (format === 'raw') await requireRawDisk(file);
  return format;
}

async function openAs(file: OpenFile, format: ImageFormat, chain: Chain): Promise<MappedImage> {
  switch (format) {
    case 'raw':
      return openRaw(file);
    case 'qcow2':
      return openQcow2(file, chain);
    case 'vpc':
      return openVhd(file, chain);
    case 'vhdx':
      return openVhdx(file, chain);
    case 'vdi':
      return openVdi(file);
    case 'vmdk':
      return openVmdkFile(file, { folder: chain.folder });
  }
}
