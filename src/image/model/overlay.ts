import type { ImageFile, MappedImage, Run } from './image.ts';
import { mergeRuns } from './merge-runs.ts';

/**
 * Layers `child` on top of `parent`. The parent supplies what the child does not contain; after the end of a smaller
 * parent there are zeros. Size and format are those of the child. The list of files has those of the child first. Takes
 * ownership of both images: closing the overlay closes them. Overlays can be nested.
 */
export function overlay(child: MappedImage, parent: MappedImage): MappedImage {
  return new Overlay(child, parent);
}

class Overlay implements MappedImage {
  readonly files: readonly ImageFile[];
  readonly #child: MappedImage;
  readonly #parent: MappedImage;

  constructor(child: MappedImage, parent: MappedImage) {
    this.#child = child;
    this.#parent = parent;
    this.files = [...child.files, ...parent.files];
  }

  get format() {
    return this.#child.format;
  }

  get variant() {
    return this.#child.variant;
  }

  get virtualSizeBytes() {
    return this.#child.virtualSizeBytes;
  }

  get diskUuid() {
    return this.#child.diskUuid ?? this.#parent.diskUuid;
  }

  get checksummed() {
    return this.#child.checksummed && this.#parent.checksummed;
  }

  map(fromBytes: number, toBytes: number): AsyncGenerator<Run, void, undefined> {
    return mergeRuns(this.#pieces(fromBytes, toBytes));
  }

  async *#pieces(fromBytes: number, toBytes: number): AsyncGenerator<Run[], void, undefined> {
    for await (const run of this.#child.map(fromBytes, toBytes)) {
      if (run.kind === 'absent') yield* this.#fromParent(run.offsetBytes, run.offsetBytes + run.lengthBytes);
      else yield [run];
    }
  }

  async *#fromParent(fromBytes: number, toBytes: number): AsyncGenerator<Run[], void, undefined> {
    const shift = this.#child.files.length;
    const parentEnd = Math.max(fromBytes, Math.min(toBytes, this.#parent.virtualSizeBytes));
    if (fromBytes < parentEnd) {
      for await (const run of this.#parent.map(fromBytes, parentEnd)) {
        yield [run.kind === 'data' || run.kind === 'compressed' ? { ...run, file: run.file + shift } : run];
      }
    }
    if (parentEnd < toBytes) yield [{ kind: 'zero', offsetBytes: parentEnd, lengthBytes: toBytes - parentEnd }];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#child[Symbol.asyncDispose]();
    } finally {
      await this.#parent[Symbol.asyncDispose]();
    }
  }
}
