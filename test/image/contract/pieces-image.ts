import { writeFile } from 'node:fs/promises';
import { OpenFile } from '../../../src/image/file/open-file.ts';
import type { MappedImage, Run } from '../../../src/image/model/image.ts';

/** A disk of any size that contains `pieces` at their offsets, in ascending order, and zeros elsewhere. */
export interface Shape {
  sizeBytes: number;
  pieces: ReadonlyMap<number, Buffer>;
}

/** Returns the content of a range in a disk of this shape. The range must be small. */
export function expectedContent({ pieces }: Shape, fromBytes: number, toBytes: number): Buffer {
  const content = Buffer.alloc(toBytes - fromBytes);
  for (const [at, bytes] of pieces) {
    const start = Math.max(at, fromBytes);
    const end = Math.min(at + bytes.length, toBytes);
    if (start < end) bytes.copy(content, start - fromBytes, start - at, end - at);
  }
  return content;
}

/**
 * Opens a source for writers that needs little space for a disk of any size, and no format reader. The file at `path`
 * contains the pieces one after the other.
 */
export async function openPieces(path: string, shape: Shape): Promise<MappedImage> {
  await writeFile(path, Buffer.concat([...shape.pieces.values()]));
  const file = await OpenFile.open(path);
  return {
    format: 'raw',
    variant: '',
    virtualSizeBytes: shape.sizeBytes,
    files: [file],
    checksummed: false,
    // oxlint-disable-next-line typescript/require-await -- a map is asynchronous; this one has nothing to await
    async *map(fromBytes, toBytes) {
      yield* runsOfPieces(shape, fromBytes, toBytes);
    },
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

function* runsOfPieces({ pieces }: Shape, fromBytes: number, toBytes: number): Generator<Run, void, undefined> {
  let at = fromBytes;
  let pieceInFile = 0;
  for (const [offset, { length }] of pieces) {
    const start = Math.max(offset, at);
    const end = Math.min(offset + length, toBytes);
    if (start < end) {
      if (start > at) yield { kind: 'zero', offsetBytes: at, lengthBytes: start - at };
      const fileOffsetBytes = pieceInFile + start - offset;
      yield { kind: 'data', offsetBytes: start, lengthBytes: end - start, file: 0, fileOffsetBytes };
      at = end;
    }
    pieceInFile += length;
  }
  if (at < toBytes) yield { kind: 'zero', offsetBytes: at, lengthBytes: toBytes - at };
}
