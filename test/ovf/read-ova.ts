import { StreamSource } from '../../src/ovf/files/byte-source.ts';
import { tarChunks } from '../../src/ovf/files/file-bytes.ts';
import { piecesOf } from '../../src/ovf/tar/tar-pieces.ts';
import { TarReader, type TarFileEntry } from '../../src/ovf/tar/tar-reader.ts';

/** A file in an OVA, with its bytes as they arrive. */
export interface OvaMember extends TarFileEntry {
  /**
   * The member's bytes, which can be read once. Each piece is valid only until the next one. Bytes that are not read
   * are skipped.
   * @throws kind `image` if the archive ends inside the member
   */
  pieces: () => AsyncGenerator<Uint8Array>;
}

/**
 * Reads an OVA sequentially, as it arrives from a pipe or a download. Read each member before you request the next one.
 * The caller closes the stream.
 * The archive must end with the end-of-archive marker, which is checked after the last member. `label` names the
 * archive in errors.
 * @throws kind `image` for the archives that TarReader refuses
 */
export async function* readOva(chunks: AsyncIterable<Uint8Array>, label: string): AsyncGenerator<OvaMember> {
  const source = new StreamSource(chunks);
  const tar = new TarReader(source, label);
  for (let entry = await tar.next(); entry !== undefined; entry = await tar.next()) {
    const member = entry;
    yield { ...member, pieces: () => piecesOf(source, member, label) };
  }
}

/**
 * Reads an OVA file like {@link readOva}. Whether it is compressed with gzip is detected from its content.
 * @throws kind `local-file` in addition
 */
export async function* openOva(path: string, signal?: AbortSignal): AsyncGenerator<OvaMember> {
  const chunks = await tarChunks(path, signal);
  try {
    yield* readOva(chunks, path);
  } finally {
    await chunks.return(undefined);
  }
}
