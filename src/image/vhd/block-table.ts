import { emptyRun, unitSpan, type Span } from '../model/runs.ts';
import { bitmapRuns } from '../file/sector-bitmap.ts';
import type { SourceFile } from '../file/source-file.ts';
import { isFilled, walkTable } from '../file/table-walk.ts';
import type { Run } from '../model/image.ts';
import { mergeRuns } from '../model/merge-runs.ts';
import type { DynamicHeader } from './dynamic-header.ts';
import { SECTOR_BYTES, type VhdFooter } from './footer.ts';

const ENTRY_BYTES = 4;
const NOT_ALLOCATED = 0xffff_ffff;

/**
 * The block allocation table of a dynamic or differencing disk. An entry is the first sector of a block. A block is a
 * bitmap with one bit per sector, padded to a complete sector, followed by the data. A clear bit means zeros in a
 * dynamic disk, and the parent's content in a differencing disk.
 */
export class BlockTable {
  readonly #source: SourceFile;
  readonly #offsetBytes: number;
  readonly #blockBytes: number;
  readonly #bitmapBytes: number;
  readonly #empty: 'zero' | 'absent';

  constructor(source: SourceFile, footer: VhdFooter, { tableOffsetBytes, blockBytes }: DynamicHeader) {
    this.#source = source;
    this.#offsetBytes = tableOffsetBytes;
    this.#blockBytes = blockBytes;
    this.#bitmapBytes = Math.ceil(blockBytes / SECTOR_BYTES / 8 / SECTOR_BYTES) * SECTOR_BYTES;
    this.#empty = footer.variant === 'differencing' ? 'absent' : 'zero';
  }

  map(span: Span): AsyncGenerator<Run, void, undefined> {
    return mergeRuns(this.#batches(span));
  }

  async *#batches(span: Span): AsyncGenerator<readonly Run[], void, undefined> {
    const blockBytes = this.#blockBytes;
    const table = { offsetBytes: this.#offsetBytes, entryBytes: ENTRY_BYTES, unitBytes: blockBytes };
    let blocks = 0;
    for await (const { firstIndex, count, entries } of walkTable(this.#source, table, span.fromBytes, span.toBytes)) {
      if (isFilled(entries, 0xff)) {
        yield [emptyRun(this.#empty, unitSpan(span, blockBytes, firstIndex, count))];
        continue;
      }
      for (let index = 0; index < count; index++) {
        const part = unitSpan(span, blockBytes, firstIndex + index);
        const sector = entries.readUInt32BE(index * ENTRY_BYTES);
        if (sector === NOT_ALLOCATED) {
          yield [emptyRun(this.#empty, part)];
          continue;
        }
        const referencedAt = this.#offsetBytes + (firstIndex + index) * ENTRY_BYTES;
        // Blocks do not overlap; only the last one can be truncated. Otherwise a small file could cause hours of work
        // by repeating one block.
        if (blocks++ * (this.#bitmapBytes + blockBytes) > this.#source.sizeBytes) {
          throw this.#source.fault(referencedAt, 'it refers to more blocks than the file has space for');
        }
        yield await this.#block(sector * SECTOR_BYTES, (firstIndex + index) * blockBytes, part, referencedAt);
      }
    }
  }

  async #block(offsetBytes: number, startBytes: number, part: Span, referencedAt: number): Promise<Run[]> {
    const bits = await this.#source.readScattered(
      offsetBytes,
      this.#bitmapBytes,
      'the bitmap of a block',
      referencedAt,
    );
    const dataOffsetBytes = offsetBytes + this.#bitmapBytes;
    const bitmap = { bits, order: 'high-first', sectorBytes: SECTOR_BYTES, startBytes, dataOffsetBytes } as const;
    const runs = bitmapRuns(bitmap, part, this.#empty);
    const lastData = runs.findLast((run) => run.kind === 'data');
    if (lastData?.kind === 'data') {
      this.#source.requireInside(lastData.fileOffsetBytes, lastData.lengthBytes, 'data', referencedAt);
    }
    return runs;
  }
}
