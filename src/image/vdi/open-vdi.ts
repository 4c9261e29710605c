import type { OpenFile } from '../file/open-file.ts';
import { dataRun, emptyRun, requireSpan, unitSpan, type Span } from '../model/runs.ts';
import { SourceFile } from '../file/source-file.ts';
import { isFilled, walkTable } from '../file/table-walk.ts';
import type { ImageFile, MappedImage, Run } from '../model/image.ts';
import { mergeRuns } from '../model/merge-runs.ts';
import { readVdiHeader, type VdiHeader } from './header.ts';

const ENTRY_BYTES = 4;
/**
 * Entries from this value on are not block numbers: 2^32-1 was never written, 2^32-2 was discarded. Both read as zeros.
 */
const FIRST_EMPTY = 0xffff_fffe;

/**
 * Opens a VirtualBox disk image, dynamic or static. Differencing images are rejected. Takes ownership of `file` on
 * success.
 * @throws Hyper2kvmError kind `image` for a violation of the format or an unsupported feature.
 */
export async function openVdi(file: OpenFile): Promise<MappedImage> {
  const source = new SourceFile(file, 'VDI');
  return new VdiImage(source, await readVdiHeader(source));
}

class VdiImage implements MappedImage {
  readonly format = 'vdi';
  readonly variant: string;
  readonly virtualSizeBytes: number;
  readonly files: readonly ImageFile[];
  readonly checksummed = false;
  readonly #source: SourceFile;
  readonly #header: VdiHeader;

  constructor(source: SourceFile, header: VdiHeader) {
    this.#source = source;
    this.#header = header;
    this.variant = header.variant;
    this.virtualSizeBytes = header.virtualSizeBytes;
    this.files = [source.file];
  }

  map(fromBytes: number, toBytes: number): AsyncGenerator<Run, void, undefined> {
    return mergeRuns(this.#batches(requireSpan(this.virtualSizeBytes, fromBytes, toBytes)));
  }

  async *#batches(span: Span): AsyncGenerator<readonly Run[], void, undefined> {
    const { mapOffsetBytes, blockBytes } = this.#header;
    const table = { offsetBytes: mapOffsetBytes, entryBytes: ENTRY_BYTES, unitBytes: blockBytes };
    for await (const { firstIndex, count, entries } of walkTable(this.#source, table, span.fromBytes, span.toBytes)) {
      if (isFilled(entries, 0xff)) {
        yield [emptyRun('zero', unitSpan(span, blockBytes, firstIndex, count))];
        continue;
      }
      const runs: Run[] = [];
      for (let index = 0; index < count; index++) {
        const part = unitSpan(span, blockBytes, firstIndex + index);
        const block = entries.readUInt32LE(index * ENTRY_BYTES);
        runs.push(block >= FIRST_EMPTY ? emptyRun('zero', part) : this.#blockRun(block, firstIndex + index, part));
      }
      yield runs;
    }
  }

  #blockRun(block: number, index: number, part: Span): Run {
    const { mapOffsetBytes, dataOffsetBytes, blockBytes } = this.#header;
    const run = dataRun(part, index * blockBytes, dataOffsetBytes + block * blockBytes);
    if (run.kind === 'data') {
      const referencedAt = mapOffsetBytes + index * ENTRY_BYTES;
      this.#source.requireInside(run.fileOffsetBytes, run.lengthBytes, `block ${block}`, referencedAt);
    }
    return run;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source.file[Symbol.asyncDispose]();
  }
}
