import { Hyper2kvmError } from '../../base/errors.ts';
import { StreamSource, type ByteSource } from '../files/byte-source.ts';
import { tarChunks } from '../files/file-bytes.ts';
import { TarReader, type TarFileEntry } from './tar-reader.ts';

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
 * See {@link TarReader} for what is refused. The archive must end with its mark, which shows only after the last member. The stream is the caller's to
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

/** The bytes of one file, when the source stands at its start or before it. Throws kind `image` when the archive ends before the file does. */
export async function* piecesOf(source: ByteSource, entry: TarFileEntry, label: string): AsyncGenerator<Uint8Array> {
  const { name, sizeBytes, offsetBytes } = entry;
  if (source.offsetBytes > offsetBytes) {
    throw new Hyper2kvmError('internal', `${name} in ${label} was read before, or not in its turn.`);
  }
  if (!(await source.skip(offsetBytes - source.offsetBytes))) throw cutOff(name, label, source.offsetBytes);
  for (let missing = sizeBytes; missing > 0;) {
    const piece = await source.next(missing);
    if (piece === undefined) throw cutOff(name, label, source.offsetBytes);
    missing -= piece.length;
    yield piece;
  }
}

/** The error for an archive that ends within a file. */
export function cutOff(name: string, label: string, offsetBytes: number): Hyper2kvmError {
  return new Hyper2kvmError(
    'image',
    `The archive ${label} is truncated: it ends in ${name} (at byte ${offsetBytes}).`,
    {
      hint: 'Get the file again from where it came from.',
    },
  );
}
