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

/** What a whole stream turned out to be. */
export interface StreamOptimizedSummary {
  capacityBytes: number;
  grainSizeBytes: number;
  /** Grains that came; the rest of the capacity is zeros. */
  grainCount: number;
  /** Bytes of the stream. */
  sizeBytes: number;
  /** False when the stream's tables stand where a forward reader cannot follow them, so that they were not compared. */
  tablesCompared: boolean;
  descriptor: VmdkDescriptorFacts | undefined;
}

/** A stream that ends before this is called no disk, not a cut one: VMware and qemu start the grains at 128 sectors. */
const LEAST_DISK_BYTES = 128 * SECTOR_BYTES;

/**
 * Checks the structure of a streamOptimized VMDK while it passes by, in the form of VMware (directory and footer at the
 * end) and of qemu (directory at the front). Compressed payload is passed over, so the cost is per grain, not per byte,
 * and memory does not grow with the disk. It proves that the stream is whole and that its parts agree; that the payload
 * inflates to the right bytes is for a hash to prove.
 *
 * `update` and `finish` throw {@link NotADiskError} for what is no disk, kind `transfer` for a stream cut off, kind `image` for a
 * broken structure; all retryable. After a throw the check is over: each further call throws the same error.
 */
export class StreamOptimizedCheck {
  readonly #name: string;
  readonly #onGrain: ((grain: StreamGrain) => void) | undefined;
  readonly #reader = new ForwardReader();
  #header: SparseHeader | undefined;
  #units: StreamUnits | undefined;
  #descriptor: VmdkDescriptorFacts | undefined;
  #failure: Hyper2kvmError | undefined;

  /** `name` is what errors call the stream. `onGrain` is told of each grain while its data still comes. */
  constructor({ name, onGrain }: { name: string; onGrain?: (grain: StreamGrain) => void }) {
    this.#name = name;
    this.#onGrain = onGrain;
    this.#reader.collect(4, () => this.#onMagic());
  }

  /** Bytes taken; those of a chunk that was refused count up to the step before the fault. */
  get receivedBytes(): number {
    return this.#reader.offsetBytes;
  }

  /** Bytes of the disk's capacity before the end of the last grain whose marker came; all of it at the stream's end. */
  get coveredBytes(): number {
    return (this.#units?.coveredSectors ?? 0) * SECTOR_BYTES;
  }

  /** Bytes of a grain, once the header has come. */
  get grainSizeBytes(): number | undefined {
    return this.#header && this.#header.grainSectors * SECTOR_BYTES;
  }

  /** The disk's capacity, once the header has come. */
  get capacityBytes(): number | undefined {
    return this.#header && this.#header.capacitySectors * SECTOR_BYTES;
  }

  /** Takes the next bytes, cut anywhere. Keeps no reference to `chunk`. */
  update(chunk: Uint8Array): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#reader.push(chunk);
  }

  /** Says that no more bytes come. */
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

  /** Walks from region to region, and on to the first marker. */
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

/** Adds the tables to the regions still to come, when they stand where a forward reader at `offsetBytes` meets them. */
function withTables(header: SparseHeader, run: TableRun, offsetBytes: number, rest: FrontRegion[]): FrontRegion[] {
  const { firstSector } = run;
  if (firstSector === undefined || firstSector * SECTOR_BYTES < offsetBytes) return rest;
  return [...rest, tablesRegion(header, firstSector)].toSorted((a, b) => a.offsetBytes - b.offsetBytes);
}
