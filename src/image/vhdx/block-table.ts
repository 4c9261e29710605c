import { dataRun, emptyRun, unitSpan, type Span } from '../model/runs.ts';
import { bitmapRuns } from '../file/sector-bitmap.ts';
import type { SourceFile } from '../file/source-file.ts';
import { isFilled, walkTable } from '../file/table-walk.ts';
import type { Run } from '../model/image.ts';
import { mergeRuns } from '../model/merge-runs.ts';
import type { VhdxMetadata } from './metadata.ts';
import type { Region } from './region-table.ts';

const ENTRY_BYTES = 8;
/** A bitmap block of 1 MiB covers 2^23 sectors, which form a *chunk* of the disk. */
const SECTORS_OF_CHUNK = 2 ** 23;
const MIB = 2 ** 20;

/**
 * States of a payload block (MS-VHDX 2.5.1.1). The content of undefined and unmapped blocks is arbitrary; it reads as
 * zeros here.
 */
const STATE = { notPresent: 0, undefined: 1, zero: 2, unmapped: 3, fullyPresent: 6, partiallyPresent: 7 };
const BITMAP_PRESENT = 6;

/**
 * The block allocation table: for each chunk the entries of its payload blocks, then that of its bitmap block. Source:
 * MS-VHDX 2.5. An entry has its state in bits 0 to 2, and from bit 20 on the file offset in MiB.
 */
export class BlockTable {
  readonly #source: SourceFile;
  readonly #offsetBytes: number;
  readonly #metadata: VhdxMetadata;
  readonly #chunkBytes: number;
  readonly #blocksOfChunk: number;
  readonly #empty: 'zero' | 'absent';

  constructor(source: SourceFile, { offsetBytes, lengthBytes }: Region, metadata: VhdxMetadata) {
    const { blockBytes, logicalSectorBytes, virtualSizeBytes, variant } = metadata;
    this.#source = source;
    this.#offsetBytes = offsetBytes;
    this.#metadata = metadata;
    this.#chunkBytes = SECTORS_OF_CHUNK * logicalSectorBytes;
    this.#blocksOfChunk = this.#chunkBytes / blockBytes;
    this.#empty = variant === 'differencing' ? 'absent' : 'zero';
    const blocks = Math.ceil(virtualSizeBytes / blockBytes);
    // Only a differencing disk needs the bitmap entry of the last chunk, so its table ends with a complete chunk.
    const entries =
      variant === 'differencing'
        ? Math.ceil(blocks / this.#blocksOfChunk) * (this.#blocksOfChunk + 1)
        : blocks + Math.floor(Math.max(0, blocks - 1) / this.#blocksOfChunk);
    if (entries * ENTRY_BYTES > lengthBytes) {
      throw source.fault(
        offsetBytes,
        `its block table of ${lengthBytes} bytes has no space for the ${entries} entries that its size needs`,
      );
    }
  }

  map(span: Span): AsyncGenerator<Run, void, undefined> {
    return mergeRuns(this.#batches(span));
  }

  async *#batches(span: Span): AsyncGenerator<readonly Run[], void, undefined> {
    const last = Math.ceil(span.toBytes / this.#chunkBytes);
    const budget = { blocks: 0 };
    for (let chunk = Math.floor(span.fromBytes / this.#chunkBytes); chunk < last; chunk++) {
      yield* this.#chunk(chunk, unitSpan(span, this.#chunkBytes, chunk), budget);
    }
  }

  async *#chunk(chunk: number, span: Span, budget: { blocks: number }): AsyncGenerator<readonly Run[]> {
    const { blockBytes } = this.#metadata;
    const startBytes = chunk * this.#chunkBytes;
    const offsetBytes = this.#offsetBytes + chunk * (this.#blocksOfChunk + 1) * ENTRY_BYTES;
    const table = { offsetBytes, entryBytes: ENTRY_BYTES, unitBytes: blockBytes };
    const [from, to] = [span.fromBytes - startBytes, span.toBytes - startBytes];
    for await (const { firstIndex, count, entries } of walkTable(this.#source, table, from, to)) {
      const firstBlock = chunk * this.#blocksOfChunk + firstIndex;
      const tableAt = offsetBytes + firstIndex * ENTRY_BYTES;
      if (isFilled(entries, 0)) {
        yield [emptyRun(this.#empty, unitSpan(span, blockBytes, firstBlock, count))];
        continue;
      }
      const runs: Run[] = [];
      for (let index = 0; index < count; index++) {
        const part = unitSpan(span, blockBytes, firstBlock + index);
        const { state, fileOffset } = readEntry(entries, index * ENTRY_BYTES);
        // Empty blocks are handled without a promise: a million promises would take a second.
        if (state < STATE.fullyPresent) runs.push(this.#emptyRun(state, part, tableAt + index * ENTRY_BYTES));
        else {
          this.#checkPlace(fileOffset, firstBlock + index, part, tableAt + index * ENTRY_BYTES, budget);
          if (state === STATE.fullyPresent) runs.push(dataRun(part, (firstBlock + index) * blockBytes, fileOffset));
          else runs.push(...(await this.#partly(firstBlock + index, fileOffset, part)));
        }
      }
      yield runs;
    }
  }

  #emptyRun(state: number, part: Span, referencedAt: number): Run {
    if (state === STATE.notPresent) return emptyRun(this.#empty, part);
    if (state <= STATE.unmapped) return emptyRun('zero', part);
    throw this.#source.fault(referencedAt, `a block has the unknown state ${state}`);
  }

  #checkPlace(fileOffset: number, block: number, part: Span, referencedAt: number, budget: { blocks: number }): void {
    const { blockBytes } = this.#metadata;
    // Blocks do not overlap; only the last one can be truncated. Otherwise a small file could cause hours of work by
    // repeating one block.
    if (budget.blocks++ * blockBytes > this.#source.sizeBytes) {
      throw this.#source.fault(referencedAt, 'it refers to more blocks than the file has space for');
    }
    if (fileOffset < MIB)
      throw this.#source.fault(referencedAt, `a block would be at byte ${fileOffset}, in the headers`);
    const at = fileOffset + (part.fromBytes - block * blockBytes);
    this.#source.requireInside(at, part.toBytes - part.fromBytes, 'data', referencedAt);
  }

  async #partly(block: number, dataOffsetBytes: number, part: Span): Promise<Run[]> {
    const { blockBytes, logicalSectorBytes: sectorBytes } = this.#metadata;
    const chunk = Math.floor(block / this.#blocksOfChunk);
    const referencedAt = this.#offsetBytes + (chunk * (this.#blocksOfChunk + 1) + this.#blocksOfChunk) * ENTRY_BYTES;
    if (this.#metadata.variant !== 'differencing') {
      throw this.#source.fault(referencedAt, `block ${block} is partly present, but the disk has no parent`);
    }
    const { state, fileOffset } = readEntry(await this.#source.read(referencedAt, ENTRY_BYTES, 'its block table'), 0);
    if (state !== BITMAP_PRESENT || fileOffset < MIB) {
      throw this.#source.fault(referencedAt, 'the bitmap of a partly present block is missing');
    }
    const bitmapBytes = blockBytes / sectorBytes / 8;
    const at = fileOffset + (block % this.#blocksOfChunk) * bitmapBytes;
    const bits = await this.#source.readScattered(at, bitmapBytes, 'the bitmap of a block', referencedAt);
    const startBytes = block * blockBytes;
    return bitmapRuns({ bits, order: 'low-first', sectorBytes, startBytes, dataOffsetBytes }, part, this.#empty);
  }
}

function readEntry(entries: Buffer, at: number): { state: number; fileOffset: number } {
  const low = entries.readUInt32LE(at);
  const mebibytes = entries.readUInt32LE(at + 4) * 2 ** 12 + (low >>> 20);
  return { state: low & 7, fileOffset: mebibytes * MIB };
}
