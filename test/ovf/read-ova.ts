import { StreamSource } from '../../src/ovf/files/byte-source.ts';
import { tarChunks } from '../../src/ovf/files/file-bytes.ts';
import { piecesOf } from '../../src/ovf/tar/tar-pieces.ts';
import { TarReader, type TarFileEntry } from '../../src/ovf/tar/tar-reader.ts';

/** A file of an OVA, with its bytes as they come by. */
export interface OvaMember extends TarFileEntry {
  /**
   * The member's bytes, once, in pieces that are valid until the next one. What is not taken is passed over. Throws kind `image` when the archive
   * ends within the member.
   */
  pieces: () => AsyncGenerator<Uint8Array>;
}

/**
 * Reads an OVA from front to back, as it comes from a pipe or a download; `label` names it in errors. A member is to be read before the next one is asked for.
 * See TarReader for what is refused. The archive must end with its mark, which shows only after the last member. The stream is the caller's to
 * close.
 */
export async function* readOva(chunks: AsyncIterable<Uint8Array>, label: string): AsyncGenerator<OvaMember> {
  const source = new StreamSource(chunks);
  const tar = new TarReader(source, label);
  for (let entry = await tar.next(); entry !== undefined; entry = await tar.next()) {
    const member = entry;
    yield { ...member, pieces: () => piecesOf(source, member, label) };
  }
}

/** The same for an OVA file, compressed with gzip or not; that is told by its content. Throws kind `local-file` too. */
export async function* openOva(path: string, signal?: AbortSignal): AsyncGenerator<OvaMember> {
  const chunks = await tarChunks(path, signal);
  try {
    yield* readOva(chunks, path);
  } finally {
    await chunks.return(undefined);
  }
}
