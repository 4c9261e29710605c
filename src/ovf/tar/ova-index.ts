import { Hyper2kvmError } from '../../base/errors.ts';
import { shellWord } from '../../base/text/shell-word.ts';
import { readBytes, StreamSource, type ByteSource } from '../files/byte-source.ts';
import { readHead, tarChunks, withFile } from '../files/file-bytes.ts';
import { startsGzip } from '../files/gzip-stream.ts';
import { cutOff } from './tar-pieces.ts';
import { hasValidChecksum } from './tar-block.ts';
import { BLOCK_BYTES } from './tar-header.ts';
import { TarReader, type TarFileEntry } from './tar-reader.ts';

/** A file of an OVA in the index. */
export interface OvaEntry extends TarFileEntry {
  /** The first {@link HEAD_BYTES} bytes of the content, or fewer if it is shorter. */
  head: Uint8Array;
}

export interface OvaIndex {
  /**
   * The archive is compressed: offsets are those in the decompressed tar, and members can only be read sequentially.
   */
  gzip: boolean;
  /** Entries by name, in archive order. */
  entries: Map<string, OvaEntry>;
  /** The content of the files that `keep` accepted. */
  kept: Map<string, Uint8Array>;
}

/**
 * Enough for the header of a sparse VMDK, or for gzip data that contains one. {@link TarReader} accepts 16,384 files,
 * whose heads take 16 MiB.
 */
export const HEAD_BYTES = 1024;
/** The descriptor, manifest and certificate of real packages have a few kilobytes each. */
const MOST_KEPT_BYTES = 8 * 1024 * 1024;

/** Selects the files to read into memory, by name. */
export type KeepFile = (name: string) => boolean;

/**
 * Lists the content of an OVA file. Skips over its disks unless the archive is compressed. Files that `keep` accepts
 * are read into memory, up to 8 MiB in total.
 * @throws Hyper2kvmError kind `image` or `local-file`, or the reason of an abort.
 */
export async function indexOva(path: string, keep: KeepFile = () => false, signal?: AbortSignal): Promise<OvaIndex> {
  if (!startsGzip(await readHead(path, 3))) {
    return withFile(path, (source) => indexTar(source, { path, keep, gzip: false }, signal));
  }
  await requireTarInGzip(path, signal);
  const chunks = await tarChunks(path, signal);
  try {
    return await indexTar(new StreamSource(chunks), { path, keep, gzip: true }, signal);
  } finally {
    await chunks.return(undefined);
  }
}

/** Reports other compressed files, most often a disk image, as such instead of as a damaged archive. */
async function requireTarInGzip(path: string, signal: AbortSignal | undefined): Promise<void> {
  const chunks = await tarChunks(path, signal);
  try {
    const block = await readBytes(new StreamSource(chunks), BLOCK_BYTES);
    if (block.length === BLOCK_BYTES && hasValidChecksum(block)) return;
  } finally {
    await chunks.return(undefined);
  }
  throw new Hyper2kvmError('image', `${path} is compressed with gzip, and is not an OVA.`, {
    hint: `Decompress it first with: gunzip ${shellWord(path)}`,
  });
}

async function indexTar(
  source: ByteSource,
  { path, keep, gzip }: { path: string; keep: KeepFile; gzip: boolean },
  signal: AbortSignal | undefined,
): Promise<OvaIndex> {
  const tar = new TarReader(source, path);
  const index: OvaIndex = { gzip, entries: new Map(), kept: new Map() };
  let keptBytes = 0;
  for (let entry = await tar.next(); entry !== undefined; entry = await tar.next()) {
    signal?.throwIfAborted();
    const { name, sizeBytes, offsetBytes } = entry;
    const isKept = keep(name);
    if (isKept) keptBytes += sizeBytes;
    if (keptBytes > MOST_KEPT_BYTES) {
      throw new Hyper2kvmError(
        'image',
        `${name} in ${path} (at byte ${offsetBytes}) is too large for a descriptor or a manifest.`,
      );
    }
    const content = await readBytes(source, isKept ? sizeBytes : Math.min(HEAD_BYTES, sizeBytes));
    if (isKept && content.length < sizeBytes) throw cutOff(name, path, source.offsetBytes);
    if (isKept) index.kept.set(name, content);
    index.entries.set(name, { ...entry, head: Uint8Array.from(content.subarray(0, HEAD_BYTES)) });
  }
  return index;
}
