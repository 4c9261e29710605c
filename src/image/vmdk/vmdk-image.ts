import { requireSpan, type Span } from '../model/runs.ts';
import type { ImageFile, MappedImage, Run } from '../model/image.ts';
import { mergeRuns } from '../model/merge-runs.ts';
import type { Extent } from './extent/extent.ts';
import type { ExtentFiles } from './extent/extent-files.ts';

interface VmdkFacts {
  variant: string;
  extents: readonly Extent[];
  files: ExtentFiles;
  /** Unallocated ranges are absent if the disk has a parent, and zeros otherwise. */
  hasParent: boolean;
  diskUuid: string | undefined;
}

/** One disk of one or more extents, without its parent. Owns its files. */
export class VmdkImage implements MappedImage {
  readonly format = 'vmdk';
  readonly variant: string;
  readonly virtualSizeBytes: number;
  readonly diskUuid: string | undefined;
  readonly files: readonly ImageFile[];
  readonly checksummed: boolean;
  readonly #extents: readonly Extent[];
  readonly #owned: ExtentFiles;
  readonly #hasParent: boolean;

  /** `extents` are contiguous, start at byte 0, and are not empty. */
  constructor({ variant, extents, files, hasParent, diskUuid }: VmdkFacts) {
    const last = extents.at(-1);
    this.variant = variant;
    this.virtualSizeBytes = last === undefined ? 0 : last.startBytes + last.lengthBytes;
    this.files = files.files;
    this.#owned = files;
    this.checksummed = extents.every(({ checksummed }) => checksummed);
    this.#extents = extents;
    this.#hasParent = hasParent;
    this.diskUuid = diskUuid;
  }

  map(fromBytes: number, toBytes: number): AsyncGenerator<Run, void, undefined> {
    return mergeRuns(this.#batches(requireSpan(this.virtualSizeBytes, fromBytes, toBytes)));
  }

  async *#batches({ fromBytes, toBytes }: Span): AsyncGenerator<readonly Run[], void, undefined> {
    let at = fromBytes;
    for (let index = this.#extentAt(fromBytes); at < toBytes; index++) {
      const extent = this.#extents[index];
      if (extent === undefined) return;
      const end = Math.min(toBytes, extent.startBytes + extent.lengthBytes);
      for await (const batch of extent.map({ fromBytes: at, toBytes: end })) {
        yield this.#hasParent ? batch : batch.map((run) => (run.kind === 'absent' ? { ...run, kind: 'zero' } : run));
      }
      at = end;
    }
  }

  /** Returns the number of the extent that contains a byte: the last one that starts at or before it. */
  #extentAt(offsetBytes: number): number {
    let [low, high] = [0, this.#extents.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#extents[middle]?.startBytes ?? 0) > offsetBytes) high = middle - 1;
      else low = middle;
    }
    return low;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned[Symbol.asyncDispose]();
  }
}
