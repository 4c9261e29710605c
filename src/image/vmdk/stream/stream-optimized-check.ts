import type { Hyper2kvmError } from '../../../base/errors.ts';
import { readDescriptorFacts, type VmdkDescriptorFacts } from '../descriptor/descriptor-facts.ts';
import { ForwardReader } from './forward-reader.ts';
import { readU32 } from '../layout/marker.ts';
import {
  SECTOR_BYTES,
  SPARSE_MAGIC,
  checkStreamKind,
  parseSparseHeader,
  type SparseHeader,
} from '../layout/sparse-header.ts';
import { NotADiskError, corruptStream, truncatedStream } from './stream-error.ts';
import { TableRun, frontFault, frontRegions, tableCount, tablesRegion, type FrontRegion } from './stream-front.ts';
import { StreamUnits, type StreamGrain } from './stream-units.ts';

/** The properties of a complete stream. */
export interface StreamOptimizedSummary {
  capacityBytes: number;
  grainSizeBytes: number;
  /** Number of grains received. The rest of the capacity is zeros. */
  grainCount: number;
  /** Size of the stream in bytes. */
  sizeBytes: number;
  /**
   * False if the stream's tables are in a place that a forward reader cannot follow, so that they were not compared.
   */
  tablesCompared: boolean;
  descriptor: VmdkDescriptorFacts | undefined;
}

/**
 * A stream that ends before this offset is reported as not a disk, instead of as truncated. VMware and qemu start the
 * grains at sector 128.
 */
const LEAST_DISK_BYTES = 128 * SECTOR_BYTES;

/**
 * Checks the structure of a streamOptimized VMDK while it is received, in the layout of VMware (directory and footer at
 * the end) and of qemu (directory at the front). Compressed data is skipped, so the cost is per grain, not per byte,
 * and memory use does not grow with the disk. The check proves that the stream is complete and that its parts agree. A
 * hash must prove that the data decompresses to the right bytes.
 *
 * `update` and `finish` throw {@link NotADiskError} for data that is not a disk, kind `transfer` for a truncated
 * stream, and kind `image` for an invalid structure. All of them are retryable. After an error, each further call
 * throws the same error.
 */
export class StreamOptimizedCheck {
  readonly #name: string;
  readonly #onGrain: ((grain: StreamGrain) => void) | undefined;
  readonly #reader = new ForwardReader();
  #header: SparseHeader | undefined;
  #units: StreamUnits | undefined;
  #descriptor: VmdkDescriptorFacts | undefined;
  #failure: Hyper2kvmError | undefined;

  /**
   * `name` identifies the stream in errors. `onGrain` is called for each grain when its marker arrives, while its data
   * is still arriving.
   */
  constructor({ name, onGrain }: { name: string; onGrain?: (grain: StreamGrain) => void }) {
    this.#name = name;
    this.#onGrain = onGrain;
    this.#reader.collect(4, () => this.#onMagic());
  }

  /**
   * Number of bytes consumed. For a chunk that was rejected, this includes the bytes up to the step before the fault.
   */
  get receivedBytes(): number {
    return this.#reader.offsetBytes;
  }

  /**
   * The end of the last grain whose marker arrived, as an offset on the disk in bytes. At the end of the stream it is
   * the capacity.
   */
  get coveredBytes(): number {
    return (this.#units?.coveredSectors ?? 0) * SECTOR_BYTES;
  }

  /** Grain size in bytes, available after the header has arrived. */
  get grainSizeBytes(): number | undefined {
    return this.#header && this.#header.grainSectors * SECTOR_BYTES;
  }

  /** Capacity of the disk, available after the header has arrived. */
  get capacityBytes(): number | undefined {
    return this.#header && this.#header.capacitySectors * SECTOR_BYTES;
  }

  /** Consumes the next bytes, with arbitrary boundaries. Keeps no reference to `chunk`. */
  update(chunk: Uint8Array): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#reader.push(chunk);
  }

  /** Signals the end of the stream. */
  finish(): StreamOptimizedSummary {
    if (this.#failure !== undefined) throw this.#failure;
    const { offsetBytes } = this.#reader;
    const header = this.#header;
    const units = this.#units;
    if (header === undefined || units === undefined) return this.#endTooSoon('inside its header');
    const missing = units.missingAtEnd();
    if (missing !== undefined) return this.#endTooSoon(missing);
    units.checkTables(offsetBytes);
    return {
      capacityBytes: header.capacitySectors * SECTOR_BYTES,
      grainSizeBytes: header.grainSectors * SECTOR_BYTES,
      grainCount: units.ledger.grainCount,
      sizeBytes: offsetBytes,
      tablesCompared: units.tablesCompared,
      descriptor: this.#descriptor,
    };
  }

  #onMagic(): void {
    const { scratch } = this.#reader;
    if (readU32(scratch, 0) !== SPARSE_MAGIC) {
      const seen = Buffer.from(scratch.subarray(0, 4)).toString('hex');
      this.#fail(new NotADiskError(`${this.#name} is not a disk: at byte 0 it has ${seen}, not the KDMV of a VMDK.`));
    }
    this.#reader.collect(SECTOR_BYTES - 4, () => this.#onHeader(), true);
  }

  #onHeader(): void {
    const refuse = (what: string): never => this.#refuse(0, what);
    const header = parseSparseHeader(this.#reader.scratch, refuse);
    checkStreamKind(header, refuse);
    this.#header = header;
    const refuseAt = (offsetBytes: number, what: string): never => this.#refuse(offsetBytes, what);
    this.#units = new StreamUnits(this.#reader, header, refuseAt, this.#onGrain);
    this.#readFront(header, this.#units, frontRegions(header));
  }

  /** Reads region after region, and continues to the first marker. */
  #readFront(header: SparseHeader, units: StreamUnits, regions: FrontRegion[]): void {
    const [next, ...rest] = regions;
    const { offsetBytes } = this.#reader;
    if (next === undefined) {
      return this.#reader.skip(header.overheadSectors * SECTOR_BYTES - offsetBytes, () => units.awaitMarker());
    }
    const fault = frontFault(next, offsetBytes, header);
    if (fault !== undefined) this.#refuse(offsetBytes, fault);
    this.#reader.skip(next.offsetBytes - offsetBytes, () => this.#readRegion(header, units, next, rest));
  }

  #readRegion(header: SparseHeader, units: StreamUnits, { kind, sizeBytes }: FrontRegion, rest: FrontRegion[]): void {
    const reader = this.#reader;
    const goOn = (regions: FrontRegion[]): void => this.#readFront(header, units, regions);
    switch (kind) {
      case 'descriptor':
        return reader.collect(sizeBytes, () => {
          this.#descriptor = readDescriptorFacts(reader.scratch.subarray(0, sizeBytes));
          goOn(rest);
        });
      case 'directory': {
        const run = new TableRun(header);
        const onEntry = (_index: number, sector: number): void => run.add(sector);
        return reader.readEntries(sizeBytes, tableCount(header), onEntry, () =>
          goOn(withTables(header, run, reader.offsetBytes, rest)),
        );
      }
      case 'tables': {
        units.frontTablesRead = true;
        const onEntry = (index: number, sector: number): void =>
          units.ledger.addTableEntry(index % header.tableEntries, sector);
        return reader.readEntries(sizeBytes, sizeBytes / 4, onEntry, () => goOn(rest));
      }
    }
  }

  #endTooSoon(missing: string): never {
    const { offsetBytes } = this.#reader;
    if (offsetBytes >= LEAST_DISK_BYTES) this.#fail(truncatedStream(this.#name, offsetBytes, missing));
    const what = offsetBytes === 0 ? 'it is empty' : `it ends at byte ${offsetBytes}, ${missing}`;
    this.#fail(new NotADiskError(`${this.#name} is not a disk: ${what}.`));
  }

  #refuse(offsetBytes: number, what: string): never {
    this.#fail(corruptStream(this.#name, offsetBytes, what));
  }

  #fail(failure: Hyper2kvmError): never {
    this.#failure = failure;
    throw failure;
  }
}

/**
 * Adds the tables to the remaining regions, if they are at or after `offsetBytes`, where a forward reader can still
 * read them.
 */
function withTables(header: SparseHeader, run: TableRun, offsetBytes: number, rest: FrontRegion[]): FrontRegion[] {
  const { firstSector } = run;
  if (firstSector === undefined || firstSector * SECTOR_BYTES < offsetBytes) return rest;
  return [...rest, tablesRegion(header, firstSector)].toSorted((a, b) => a.offsetBytes - b.offsetBytes);
}
