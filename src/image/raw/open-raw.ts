import type { OpenFile } from '../file/open-file.ts';
import { dataRun, emptyRun, requireSpan, unitSpan } from '../file/runs.ts';
import type { ImageFile, MappedImage, Run } from '../image.ts';
import { mergeRuns } from '../merge-runs.ts';

const SECTOR_BYTES = 512;

/** A file or block device whose bytes are the disk's. Holes cannot be seen: Node has no SEEK_HOLE. Owns `file`. */
export function openRaw(file: OpenFile): MappedImage {
  return new RawImage(file);
}

class RawImage implements MappedImage {
  readonly format = 'raw';
  readonly variant = '';
  readonly virtualSizeBytes: number;
  readonly files: readonly ImageFile[];
  readonly checksummed = false;
  readonly #file: OpenFile;

  constructor(file: OpenFile) {
    this.#file = file;
    this.files = [file];
    // A disk has whole sectors: what a file lacks of its last one reads as zeros, as in qemu.
    this.virtualSizeBytes = Math.ceil(file.sizeBytes / SECTOR_BYTES) * SECTOR_BYTES;
  }

  map(fromBytes: number, toBytes: number): AsyncGenerator<Run, void, undefined> {
    return mergeRuns(this.#batches(fromBytes, toBytes));
  }

  // oxlint-disable-next-line typescript/require-await
  async *#batches(fromBytes: number, toBytes: number): AsyncGenerator<readonly Run[], void, undefined> {
    const span = requireSpan(this.virtualSizeBytes, fromBytes, toBytes);
    const { sizeBytes } = this.#file;
    const stored = unitSpan(span, sizeBytes, 0);
    const padding = { fromBytes: Math.max(fromBytes, sizeBytes), toBytes };
    if (stored.fromBytes < stored.toBytes) yield [dataRun(stored, 0, 0)];
    if (padding.fromBytes < padding.toBytes) yield [emptyRun('zero', padding)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }
}
