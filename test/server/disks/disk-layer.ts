import { randomBytesAt, seedKey, type ByteRange, type ContentSource } from '../content-source.ts';
import { ExtentMap } from './extent-map.ts';

/** What a guest writes: bytes, or a length of zeros or of bytes that a seed gives, which need no memory. */
export type Written = Uint8Array | { zeros: number } | { random: number; seed: string };

/** Returns bytes of a write. `offset` counts from the start of the disk. */
type Fill = (offset: number, length: number) => Buffer;

/** What a layer is apart from its content. */
export interface LayerFacts {
  /** The number in the file's name: 0 is the base disk. */
  number: number;
  /** Set when the layer is frozen. */
  changeId?: string;
}

/**
 * One file of a disk's chain: what was written since the file below it was frozen. It reads as the disk: the file with
 * everything below it. Only the uppermost layer is written to, so a reference to any other layer is a point in time.
 */
export class DiskLayer implements ContentSource {
  capacityBytes: number;
  facts: LayerFacts;
  /** The file that this one is based on. A base disk has none. */
  parent: DiskLayer | undefined;
  /** The initial content of the disk. */
  readonly #base: ContentSource;
  readonly #written: ExtentMap<Fill>;

  private constructor(
    capacityBytes: number,
    facts: LayerFacts,
    base: ContentSource,
    parent?: DiskLayer,
    written = new ExtentMap<Fill>(),
  ) {
    this.capacityBytes = capacityBytes;
    this.facts = facts;
    this.parent = parent;
    this.#base = base;
    this.#written = written;
  }

  static base(content: ContentSource): DiskLayer {
    return new DiskLayer(content.capacityBytes, { number: 0 }, content);
  }

  /** Returns an empty layer on top of this one. */
  child(number: number): DiskLayer {
    return new DiskLayer(this.capacityBytes, { number }, this.#base, this);
  }

  /** Returns the layer that replaces this one and its parent, under the parent's file name. Both stay as they are. */
  mergedIntoParent(): DiskLayer {
    const { parent } = this;
    if (parent === undefined) throw new TypeError('a base disk has no parent');
    const written = new ExtentMap(parent.#written);
    for (const { start, end, value } of this.#written) written.set(start, end, value);
    const facts = { ...this.facts, number: parent.facts.number };
    return new DiskLayer(this.capacityBytes, facts, this.#base, parent.parent, written);
  }

  /** Returns the content of this moment, which later writes do not change. */
  frozenCopy(): DiskLayer {
    return new DiskLayer(this.capacityBytes, { ...this.facts }, this.#base, this.parent, new ExtentMap(this.#written));
  }

  /** Writes at `offset` and returns the end of the written range. */
  write(offset: number, written: Written): number {
    const [length, fill] = fillOf(offset, written);
    const end = offset + length;
    if (!Number.isSafeInteger(offset) || offset < 0 || end > this.capacityBytes) {
      throw new RangeError(
        `a write of ${length} bytes at ${offset} is outside the disk of ${this.capacityBytes} bytes`,
      );
    }
    this.#written.set(offset, end, fill);
    return end;
  }

  async read(offset: number, length: number): Promise<Buffer | undefined> {
    const own = this.#written.within(offset, offset + length);
    const [first] = own;
    if (first !== undefined && own.length === 1 && first.end - first.start === length) {
      return first.value(offset, length);
    }
    const below = await (this.parent ?? this.#padded(offset, length)).read(offset, length);
    if (own.length === 0) return below;
    const bytes = Buffer.alloc(length);
    below?.copy(bytes);
    for (const { start, end, value } of own) value(start, end - start).copy(bytes, start - offset);
    return bytes;
  }

  /** This file and those below it, base first. */
  chain(): DiskLayer[] {
    return this.parent === undefined ? [this] : [...this.parent.chain(), this];
  }

  /** The ranges that the chain, or only this file, holds data for. Zeros that were written count as data. */
  allocated(scope: 'link' | 'chain' = 'chain'): ByteRange[] {
    const all = new ExtentMap<true>();
    for (const layer of scope === 'link' ? [this] : this.chain()) {
      for (const { start, end } of layer.#written) all.set(start, end, true);
      if (layer.parent !== undefined) continue;
      const whole = [{ offset: 0, length: layer.#base.capacityBytes }];
      for (const { offset, length } of layer.#base.allocated?.() ?? whole) all.set(offset, offset + length, true);
    }
    return [...all].map(({ start, end }) => ({ offset: start, length: end - start }));
  }

  /** The base disk, with zeros where the disk has grown since. */
  #padded(offset: number, length: number): Pick<ContentSource, 'read'> {
    const base = this.#base;
    if (offset + length <= base.capacityBytes) return base;
    return {
      async read() {
        if (offset >= base.capacityBytes) return undefined;
        const bytes = await base.read(offset, base.capacityBytes - offset);
        return bytes === undefined ? undefined : Buffer.concat([bytes], length);
      },
    };
  }
}

function fillOf(offset: number, written: Written): [length: number, fill: Fill] {
  if (written instanceof Uint8Array) {
    const bytes = Buffer.from(written);
    return [bytes.length, (from, length) => bytes.subarray(from - offset, from - offset + length)];
  }
  if ('zeros' in written) return [written.zeros, (_, length) => Buffer.alloc(length)];
  const key = seedKey(written.seed);
  return [written.random, (from, length) => randomBytesAt(key, from, length)];
}
