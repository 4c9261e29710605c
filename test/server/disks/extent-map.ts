/** A range of bytes, `end` not included, and what it holds. */
export interface Extent<Value> {
  start: number;
  end: number;
  value: Value;
}

/** Extents that do not overlap, sorted by their start. Memory grows with their number, not with their size. */
export class ExtentMap<Value> {
  readonly #extents: Extent<Value>[];

  constructor(extents: Iterable<Extent<Value>> = []) {
    this.#extents = [...extents];
  }

  get size(): number {
    return this.#extents.length;
  }

  [Symbol.iterator](): IterableIterator<Extent<Value>> {
    return this.#extents[Symbol.iterator]();
  }

  /** Sets a range, whatever it held before. Adjacent ranges of the same value become one. */
  set(start: number, end: number, value: Value): void {
    if (end <= start) return;
    let first = this.#firstEndingAfter(start);
    let last = first;
    while ((this.#extents[last]?.start ?? end) < end) last += 1;
    const added: Extent<Value> = { start, end, value };
    const head = this.#extents[first];
    const tail = this.#extents[last - 1];
    const pieces: Extent<Value>[] = [added];
    if (first < last && head !== undefined && head.start < start) {
      if (head.value === value) added.start = head.start;
      else pieces.unshift({ ...head, end: start });
    }
    if (first < last && tail !== undefined && tail.end > end) {
      if (tail.value === value) added.end = tail.end;
      else pieces.push({ ...tail, start: end });
    }
    const before = this.#extents[first - 1];
    if (pieces[0] === added && before?.end === added.start && before.value === value) {
      added.start = before.start;
      first -= 1;
    }
    const after = this.#extents[last];
    if (pieces.at(-1) === added && after?.start === added.end && after.value === value) {
      added.end = after.end;
      last += 1;
    }
    this.#extents.splice(first, last - first, ...pieces);
  }

  /** Returns what a range holds, cut at its ends. */
  within(start: number, end: number): Extent<Value>[] {
    const found: Extent<Value>[] = [];
    for (let at = this.#firstEndingAfter(start); ; at += 1) {
      const extent = this.#extents[at];
      if (extent === undefined || extent.start >= end) return found;
      found.push({ ...extent, start: Math.max(start, extent.start), end: Math.min(end, extent.end) });
    }
  }

  /** Binary search, because a disk can have many thousands of extents. */
  #firstEndingAfter(offset: number): number {
    let low = 0;
    let high = this.#extents.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const extent = this.#extents[middle];
      if (extent !== undefined && extent.end <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
