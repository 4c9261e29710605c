import type { OpenFile } from '../file/open-file.ts';
import { dataRun, emptyRun, requireSpan } from '../model/runs.ts';
import type { ImageFile, MappedImage, Run } from '../model/image.ts';
import { mergeRuns } from '../model/merge-runs.ts';
import type { WrittenRange } from '../model/sink.ts';

const SECTOR_BYTES = 512;

/**
 * A file or block device whose bytes are the disk's bytes. Node has no SEEK_HOLE, so holes are read as data unless the
 * caller knows the `written` ranges. In that case everything else is reported as zeros. Owns `file`.
 */
export function openRaw(file: OpenFile, written?: readonly WrittenRange[]): MappedImage {
  return new RawImage(file, written);
}

class RawImage implements MappedImage {
  readonly format = 'raw';
  readonly variant = '';
  readonly virtualSizeBytes: number;
  readonly files: readonly ImageFile[];
  readonly checksummed = false;
  readonly #file: OpenFile;

  readonly #written: readonly WrittenRange[] | undefined;

  constructor(file: OpenFile, written: readonly WrittenRange[] | undefined) {
    this.#file = file;
    this.#written = written;
    this.files = [file];
    // A disk consists of complete sectors. The missing bytes of the last one read as zeros, as in qemu.
    this.virtualSizeBytes = Math.ceil(file.sizeBytes / SECTOR_BYTES) * SECTOR_BYTES;
  }

  map(fromBytes: number, toBytes: number): AsyncGenerator<Run, void, undefined> {
    return mergeRuns(this.#batches(fromBytes, toBytes));
  }

  // oxlint-disable-next-line typescript/require-await
  async *#batches(fromBytes: number, toBytes: number): AsyncGenerator<readonly Run[], void, undefined> {
    const span = requireSpan(this.virtualSizeBytes, fromBytes, toBytes);
    const { sizeBytes } = this.#file;
    let at = fromBytes;
    for (const range of this.#written ?? [{ fromBytes: 0, toBytes: sizeBytes }]) {
      const stored = { fromBytes: Math.max(at, range.fromBytes), toBytes: Math.min(toBytes, range.toBytes, sizeBytes) };
      if (stored.fromBytes >= stored.toBytes) continue;
      if (at < stored.fromBytes) yield [emptyRun('zero', { fromBytes: at, toBytes: stored.fromBytes })];
      yield [dataRun(stored, 0, 0)];
      at = stored.toBytes;
    }
    if (at < span.toBytes) yield [emptyRun('zero', { fromBytes: at, toBytes })];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }
}
