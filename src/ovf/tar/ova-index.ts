import { Hyper2kvmError } from '../../base/errors.ts';
import { shellWord } from '../../base/text/shell-word.ts';
import { readBytes, StreamSource, type ByteSource } from '../files/byte-source.ts';
import { readHead, tarChunks, withFile } from '../files/file-bytes.ts';
import { startsGzip } from '../files/gzip-stream.ts';
import { cutOff } from './tar-pieces.ts';
import { hasValidChecksum } from './tar-block.ts';
import { BLOCK_BYTES } from './tar-header.ts';
import { TarReader, type TarFileEntry } from './tar-reader.ts';

/** A file of an OVA, as the index has it. */
export interface OvaEntry extends TarFileEntry {
  /** What its content starts with: {@link HEAD_BYTES}, fewer when it is shorter. */
  head: Uint8Array;
}

export interface OvaIndex {
  /** The archive itself is compressed: offsets are those in the tar that it holds, and members can only be read from front to back. */
  gzip: boolean;
  /** By name, in the order of the archive. */
  entries: Map<string, OvaEntry>;
  /** The content of the files that were to be kept. */
  kept: Map<string, Uint8Array>;
}

/** The header of a sparse VMDK, or enough of gzip data to inflate one. {@link TarReader} takes 16,384 files, whose heads take 16 MiB. */
export const HEAD_BYTES = 1024;
/** Descriptor, manifest and certificate of real packages have some kilobytes each. */
const MOST_KEPT_BYTES = 8 * 1024 * 1024;

/** Which files to read into memory, by name. */
export type KeepFile = (name: string) => boolean;

/**
 * Lists what an OVA file holds, without reading through its disks unless the archive is compressed. Files that `keep` accepts are read into
 * memory, 8 MiB of them in all. Throws kind `image` and `local-file`, and rejects with the reason of an abort.
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

/** A compressed file of another kind, a disk image above all, is named as that and not as a damaged archive. */
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
