import type { Shape } from './pieces-image.ts';

/**
 * Splits a disk into two layers. Every other unit of `unitBytes` that has content is in `above`. `below` has other
 * content there, which must stay hidden.
 */
export function layersOf({ sizeBytes, pieces }: Shape, unitBytes: number): { below: Shape; above: Shape } {
  const below = new Map<number, Buffer>();
  const above = new Map<number, Buffer>();
  for (const [at, bytes] of pieces) {
    const end = at + bytes.length;
    for (let from = at; from < end;) {
      const unit = Math.floor(from / unitBytes);
      const to = Math.min(end, (unit + 1) * unitBytes);
      const part = bytes.subarray(from - at, to - at);
      if (unit % 2 === 1) above.set(from, part);
      below.set(from, unit % 2 === 1 ? Buffer.alloc(part.length, 'hidden ') : part);
      from = to;
    }
  }
  return { below: { sizeBytes, pieces: below }, above: { sizeBytes, pieces: above } };
}
