import { readOva } from './read-ova.ts';

/** Concatenates all pieces. Copies each one, because it is valid only until the next piece. */
export async function joined(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const copies: Buffer[] = [];
  for await (const piece of pieces) copies.push(Buffer.from(piece));
  return Buffer.concat(copies);
}

/** Yields `bytes` in pieces of `size`. */
export async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Reads all members of an OVA sequentially. Returns their content by name. */
export async function readMembers(bytes: Uint8Array, pieceSize = 65536): Promise<Map<string, Buffer>> {
  const members = new Map<string, Buffer>();
  for await (const member of readOva(inPieces(bytes, pieceSize), 'test.ova')) {
    members.set(member.name, await joined(member.pieces()));
  }
  return members;
}
