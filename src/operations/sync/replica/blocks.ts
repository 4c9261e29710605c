import { createHash } from 'node:crypto';
import { isZero } from '../../../image/copy/pack-window.ts';

/** A replica has one digest for each block of this size. */
export const BLOCK_BYTES = 1024 * 1024;

export const DIGEST_BYTES = 32;

/** The digest of a block of zeros. It makes the digests of an empty disk a file of holes. */
export const ZERO_DIGEST = Buffer.alloc(DIGEST_BYTES);

/** The granularity at which a block is compared with its old content. */
const PIECE_BYTES = 4096;

export function blockCount(capacityBytes: number): number {
  return Math.ceil(capacityBytes / BLOCK_BYTES);
}

/** The length of a block; the last one can be shorter. */
export function blockLength(capacityBytes: number, block: number): number {
  return Math.min(BLOCK_BYTES, capacityBytes - block * BLOCK_BYTES);
}

/** SHA-256, or {@link ZERO_DIGEST} for zeros. */
export function digestOf(content: Buffer): Buffer {
  return isZero(content) ? ZERO_DIGEST : createHash('sha256').update(content).digest();
}

/** A part of a block. */
export interface Extent {
  at: number;
  lengthBytes: number;
  isZero: boolean;
}

/** The parts of a block whose content differs, in pieces of 4 KiB. */
export function differences(old: Buffer, content: Buffer): Extent[] {
  const extents: Extent[] = [];
  for (let at = 0; at < content.length; at += PIECE_BYTES) {
    const piece = content.subarray(at, at + PIECE_BYTES);
    if (piece.equals(old.subarray(at, at + PIECE_BYTES))) continue;
    const isEmpty = isZero(piece);
    const last = extents.at(-1);
    if (last !== undefined && last.isZero === isEmpty && last.at + last.lengthBytes === at) {
      last.lengthBytes += piece.length;
    } else extents.push({ at, lengthBytes: piece.length, isZero: isEmpty });
  }
  return extents;
}
