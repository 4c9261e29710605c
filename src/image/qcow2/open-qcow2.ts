import type { Chain } from '../file/chain.ts';
import type { OpenFile } from '../file/open-file.ts';
import { emptyRun, requireSpan, unitSpan, type Span } from '../model/runs.ts';
import { SourceFile } from '../file/source-file.ts';
import { isFilled, walkTable } from '../file/table-walk.ts';
import type { ImageFile, MappedImage, Run } from '../model/image.ts';
import { mergeRuns } from '../model/merge-runs.ts';
import { overlay } from '../model/overlay.ts';
import { openBacking } from './backing-file.ts';
import { readQcow2Header, type Qcow2Header } from './header.ts';
import { hostOffset, L2Reader } from './l2-entry.ts';

const L1_ENTRY_BYTES = 8;

/**
 * Opens a qcow2 image of version 2 or 3, on top of its backing files. Reads the active state; internal snapshots are
 * ignored. Takes ownership of `file` on success.
 * @throws Hyper2kvmError kind `image` for a violation of the format or an unsupported feature.
 */
export async function openQcow2(file: OpenFile, chain: Chain): Promise<MappedImage> {
  const source = new SourceFile(file, 'qcow2');
  const header = await readQcow2Header(source);
  const image = new Qcow2Image(source, header);
  const parent = header.backing && (await openBacking(source, chain, header.backing));
  return parent === undefined ? image : overlay(image, parent);
}

class Qcow2Image implements MappedImage {
  readonly format = 'qcow2';
  readonly variant = '';
  readonly virtualSizeBytes: number;
  readonly files: readonly ImageFile[];
  readonly checksummed = false;
  readonly #source: SourceFile;
  readonly #header: Qcow2Header;
  readonly #empty: 'zero' | 'absent';
  readonly #l2: L2Reader;

  constructor(source: SourceFile, header: Qcow2Header) {
    this.#source = source;
    this.#header = header;
    this.virtualSizeBytes = header.virtualSizeBytes;
    this.files = [source.file];
    this.#empty = header.backing === undefined ? 'zero' : 'absent';
    this.#l2 = new L2Reader(source, header, this.#empty);
  }

  map(fromBytes: number, toBytes: number): AsyncGenerator<Run, void, undefined> {
    return mergeRuns(this.#batches(requireSpan(this.virtualSizeBytes, fromBytes, toBytes)));
  }

  async *#batches(span: Span): AsyncGenerator<readonly Run[], void, undefined> {
    const { clusterBytes, l1OffsetBytes } = this.#header;
    const unitBytes = (clusterBytes / this.#l2.entryBytes) * clusterBytes;
    const table = { offsetBytes: l1OffsetBytes, entryBytes: L1_ENTRY_BYTES, unitBytes };
    let l2Tables = 0;
    for await (const { firstIndex, count, entries } of walkTable(this.#source, table, span.fromBytes, span.toBytes)) {
      if (isFilled(entries, 0)) {
        yield [emptyRun(this.#empty, unitSpan(span, unitBytes, firstIndex, count))];
        continue;
      }
      for (let index = 0; index < count; index++) {
        const part = unitSpan(span, unitBytes, firstIndex + index);
        const l2Offset = hostOffset(entries, index * L1_ENTRY_BYTES);
        if (l2Offset === 0) {
          yield [emptyRun(this.#empty, part)];
          continue;
        }
        l2Tables += 1;
        this.#checkL2Table(l2Offset, l2Tables, l1OffsetBytes + (firstIndex + index) * L1_ENTRY_BYTES);
        yield* this.#l2Batches(l2Offset, (firstIndex + index) * unitBytes, part);
      }
    }
  }

  #checkL2Table(offsetBytes: number, tables: number, referencedAt: number): void {
    const { clusterBytes } = this.#header;
    if (offsetBytes % clusterBytes !== 0) {
      throw this.#source.fault(referencedAt, `an L2 table at byte ${offsetBytes} is not aligned to a cluster`);
    }
    // Each table may be used only once. Otherwise a small file could cause hours of work with a few tables.
    if (tables * clusterBytes > this.#source.sizeBytes) {
      throw this.#source.fault(referencedAt, 'it refers to more L2 tables than the file has space for');
    }
  }

  /** Yields the runs of one L2 table. The range of the disk that the table maps starts at `startBytes`. */
  async *#l2Batches(offsetBytes: number, startBytes: number, span: Span): AsyncGenerator<readonly Run[]> {
    const { clusterBytes } = this.#header;
    const { entryBytes } = this.#l2;
    const table = { offsetBytes, entryBytes, unitBytes: clusterBytes };
    const [from, to] = [span.fromBytes - startBytes, span.toBytes - startBytes];
    for await (const { firstIndex, count, entries } of walkTable(this.#source, table, from, to)) {
      const firstCluster = startBytes / clusterBytes + firstIndex;
      if (isFilled(entries, 0)) {
        yield [emptyRun(this.#empty, unitSpan(span, clusterBytes, firstCluster, count))];
        continue;
      }
      const runs: Run[] = [];
      const tableAt = offsetBytes + firstIndex * entryBytes;
      for (let index = 0; index < count; index++) {
        this.#l2.addRuns(runs, entries, index * entryBytes, firstCluster + index, span, tableAt);
      }
      yield runs;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source.file[Symbol.asyncDispose]();
  }
}
