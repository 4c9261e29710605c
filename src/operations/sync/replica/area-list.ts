import type { DiskRange } from '../../../image/model/readable-disk.ts';
import { BLOCK_BYTES } from './blocks.ts';

/** More areas than this are kept as complete blocks, so that memory does not grow with the disk. */
const MOST_AREAS = 100_000;

/** The changed areas of a disk, in order and without overlap. */
export class AreaList {
  readonly #areas: DiskRange[] = [];
  #bytes = 0;
  readonly #most: number;

  /** `most` is for tests. */
  constructor(most = MOST_AREAS) {
    this.#most = most;
  }

  get areas(): readonly DiskRange[] {
    return this.#areas;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Adds an area after all others. */
  add({ offsetBytes, lengthBytes }: DiskRange): void {
    const last = this.#areas.at(-1);
    const lastEnd = last === undefined ? 0 : last.offsetBytes + last.lengthBytes;
    const isCoarse = this.#areas.length >= this.#most;
    const from = isCoarse ? Math.max(lastEnd, Math.floor(offsetBytes / BLOCK_BYTES) * BLOCK_BYTES) : offsetBytes;
    const lengthNow = offsetBytes + lengthBytes - from;
    if (last !== undefined && lastEnd === from) last.lengthBytes += lengthNow;
    else this.#areas.push({ offsetBytes: from, lengthBytes: lengthNow });
    this.#bytes += lengthNow;
  }

  /** Returns true if an area has a byte in the range. */
  touches(fromBytes: number, toBytes: number): boolean {
    let low = 0;
    let high = this.#areas.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const area = this.#areas[middle];
      if (area !== undefined && area.offsetBytes + area.lengthBytes <= fromBytes) low = middle + 1;
      else high = middle;
    }
    const next = this.#areas[low];
    return next !== undefined && next.offsetBytes < toBytes;
  }
}
