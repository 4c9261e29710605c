import { Hyper2kvmError } from '../../base/errors.ts';
import type { ByteSource } from '../files/byte-source.ts';
import type { TarFileEntry } from './tar-reader.ts';

/**
 * Yields the bytes of one file. The source must be at or before the start of the file.
 * @throws Hyper2kvmError kind `image` if the archive ends before the file does.
 */
export async function* piecesOf(source: ByteSource, entry: TarFileEntry, label: string): AsyncGenerator<Uint8Array> {
  const { name, sizeBytes, offsetBytes } = entry;
  if (source.offsetBytes > offsetBytes) {
    throw new Hyper2kvmError('internal', `${name} in ${label} was read before, or out of order.`);
  }
  if (!(await source.skip(offsetBytes - source.offsetBytes))) throw cutOff(name, label, source.offsetBytes);
  for (let missing = sizeBytes; missing > 0;) {
    const piece = await source.next(missing);
    if (piece === undefined) throw cutOff(name, label, source.offsetBytes);
    missing -= piece.length;
    yield piece;
  }
}

/** Returns the error for an archive that ends in the middle of a file. */
export function cutOff(name: string, label: string, offsetBytes: number): Hyper2kvmError {
  return new Hyper2kvmError(
    'image',
    `The archive ${label} is truncated: it ends in ${name} (at byte ${offsetBytes}).`,
    {
      hint: 'Download the file again.',
    },
  );
}
