import type { ForwardReader } from './forward-reader.ts';
import { GrainLedger } from './grain-ledger.ts';
import {
  GRAIN_DATA_OFFSET,
  MARKER_BYTES,
  MARKER_END_OF_STREAM,
  MARKER_FOOTER,
  MARKER_GRAIN_DIRECTORY,
  MARKER_GRAIN_TABLE,
  grainFault,
  maxGrainDataBytes,
  readMarker,
  type GrainLimits,
  type Marker,
} from '../layout/marker.ts';
import { SECTOR_BYTES, parseFooter, type SparseHeader } from '../layout/sparse-header.ts';
import { directorySectors, hasFrontDirectory, tableCount, tableSectors } from './stream-front.ts';

/** Sectors of padding that a table can have after its entries: up to a multiple of 64 KiB, the grain size. */
const MAX_PADDING_SECTORS = 128;

/**
 * Padding after the end-of-stream marker: the size of the largest grain. The limit protects the disk from a server that
 * sends zeros endlessly.
 */
const MAX_END_PADDING_BYTES = 1024 * 1024;

/**
 * A grain whose marker has arrived: its offset on the disk, and the offset of its zlib data in the stream. The first
 * bytes of the data arrived with the marker.
 */
export interface StreamGrain {
  diskOffsetBytes: number;
  dataOffsetBytes: number;
  dataBytes: number;
  /** A view that is valid only during the call. */
  head: Uint8Array;
}

/** Must throw an error that describes the problem `what` of the stream at `offsetBytes`. */
export type Refuse = (offsetBytes: number, what: string) => never;

/** The part of a stream that starts with the first marker: grains, tables, directory, footer, end of stream. */
export class StreamUnits {
  readonly ledger: GrainLedger;
  /** Whether the tables of the front were read into the ledger. The reader of the front sets it. */
  frontTablesRead = false;
  readonly #reader: ForwardReader;
  readonly #header: SparseHeader;
  readonly #refuse: Refuse;
  readonly #limits: GrainLimits;
  readonly #tell: ((grain: StreamGrain) => void) | undefined;
  /** Sector of the payload that follows the directory's marker. */
  #directorySector: number | undefined;
  #directories = 0;
  #footerSeen = false;
  /** Offset of the next expected marker. */
  #border = -1;
  #ended = false;

  constructor(reader: ForwardReader, header: SparseHeader, refuse: Refuse, tell?: (grain: StreamGrain) => void) {
    this.#reader = reader;
    this.#tell = tell;
    this.#header = header;
    this.#refuse = refuse;
    this.ledger = new GrainLedger(header.tableEntries);
    const { capacitySectors, grainSectors } = header;
    const maxDataBytes = maxGrainDataBytes(grainSectors * SECTOR_BYTES);
    this.#limits = { capacitySectors, grainSectors, nextSector: 0, maxDataBytes };
  }

  /** The end of the last grain, as a sector on the disk. At the end of the stream it is the capacity. */
  get coveredSectors(): number {
    const { capacitySectors } = this.#header;
    return this.#ended ? capacitySectors : Math.min(this.#limits.nextSector, capacitySectors);
  }

  /** True if the grain tables were available for a comparison with the grains. */
  get tablesCompared(): boolean {
    // Two sets of tables with markers do not occur in known streams. They could not be distinguished, so they are not
    // summed.
    return hasFrontDirectory(this.#header) ? this.frontTablesRead : !this.#header.redundantTables;
  }

  /**
   * Returns why a stream that ends here is truncated, or undefined if it is complete. qemu writes no end-of-stream
   * marker, and zeros that look like one occur only if some grains are small. For its streams, the tables at the front
   * prove that all grains have arrived.
   */
  missingAtEnd(): string | undefined {
    if (this.#ended) return undefined;
    if (this.#reader.offsetBytes !== this.#border) return 'inside a grain, a table or a marker';
    if (!hasFrontDirectory(this.#header))
      return `without its ${this.#footerSeen ? '' : 'footer and '}end-of-stream marker`;
    if (!this.frontTablesRead) return 'without an end-of-stream marker';
    const { missingGrains } = this.ledger;
    return missingGrains > 0 ? `${missingGrains} grains fewer than its grain tables refer to` : undefined;
  }

  /** Requests the next marker. */
  awaitMarker(): void {
    this.#border = this.#reader.offsetBytes;
    this.#reader.collect(MARKER_BYTES, () => this.#onMarker());
  }

  /** Compares the sums of the complete stream; `offsetBytes` is its end. */
  checkTables(offsetBytes: number): void {
    if (!this.tablesCompared) return;
    const fault =
      this.ledger.tableFault() ?? (hasFrontDirectory(this.#header) ? undefined : this.ledger.directoryFault());
    if (fault !== undefined) this.#refuse(offsetBytes, fault);
  }

  #onMarker(): void {
    const start = this.#reader.offsetBytes - MARKER_BYTES;
    const marker = readMarker(this.#reader.scratch);
    if (marker.dataBytes > 0) return this.#onGrain(start, marker);
    if (marker.type === MARKER_END_OF_STREAM) return this.#onEndOfStream(start, marker);
    const read = this.#metadataReader(start, marker);
    this.#reader.skip(SECTOR_BYTES - MARKER_BYTES, read);
  }

  #onGrain(start: number, marker: Marker): void {
    if (this.#directorySector !== undefined) this.#refuse(start, 'a grain comes after the grain directory');
    const fault = grainFault(marker, this.#reader.scratch, this.#limits);
    if (fault !== undefined) this.#refuse(start, fault);
    this.ledger.addGrain(marker.value / this.#header.grainSectors, start / SECTOR_BYTES);
    this.#limits.nextSector = marker.value + this.#header.grainSectors;
    this.#tell?.({
      diskOffsetBytes: marker.value * SECTOR_BYTES,
      dataOffsetBytes: start + GRAIN_DATA_OFFSET,
      dataBytes: marker.dataBytes,
      head: this.#reader.scratch.subarray(GRAIN_DATA_OFFSET, MARKER_BYTES),
    });
    const padded = Math.ceil((GRAIN_DATA_OFFSET + marker.dataBytes) / SECTOR_BYTES) * SECTOR_BYTES;
    this.#reader.skip(padded - MARKER_BYTES, () => this.awaitMarker());
  }

  /** Checks a metadata marker and returns the function that reads its payload. */
  #metadataReader(start: number, marker: Marker): () => void {
    const { value: payloadSectors, type } = marker;
    const payloadSector = start / SECTOR_BYTES + 1;
    const bytes = payloadSectors * SECTOR_BYTES;
    if (this.#footerSeen) this.#refuse(start, `a marker of type ${type} comes after the footer`);
    switch (type) {
      case MARKER_GRAIN_TABLE:
        this.#checkPayload(start, 'grain table', payloadSectors, tableSectors(this.#header));
        return () => this.#readTable(start, payloadSector, bytes);
      case MARKER_GRAIN_DIRECTORY:
        this.#checkPayload(start, 'grain directory', payloadSectors, directorySectors(this.#header));
        return () => this.#readDirectory(payloadSector, bytes);
      case MARKER_FOOTER:
        if (payloadSectors !== 1) this.#refuse(start, `its footer has ${payloadSectors} sectors, not 1`);
        return () => this.#reader.collect(SECTOR_BYTES, () => this.#onFooter());
      default:
        return this.#refuse(start, `a marker has the unknown type ${type}`);
    }
  }

  #checkPayload(start: number, what: string, sectors: number, needed: number): void {
    if (sectors < needed || sectors > needed + MAX_PADDING_SECTORS) {
      this.#refuse(start, `its ${what} of ${sectors} sectors is not the ${needed} that it must have`);
    }
  }

  #readTable(start: number, sector: number, bytes: number): void {
    if (this.#directorySector !== undefined && !this.#header.redundantTables) {
      this.#refuse(start, 'a grain table comes after the grain directory');
    }
    // Limits the number of tables, which could otherwise continue endlessly. A second copy of a table contains nothing
    // new about the disk.
    const most = tableCount(this.#header) * (this.#header.redundantTables ? 2 : 1);
    if (this.ledger.tableCount >= most) this.#refuse(start, `more than ${most} grain tables come`);
    this.ledger.addTable(sector);
    const onEntry = (index: number, value: number): void => this.ledger.addTableEntry(index, value);
    this.#reader.readEntries(bytes, this.#header.tableEntries, onEntry, () => this.awaitMarker());
  }

  #readDirectory(sector: number, bytes: number): void {
    // If there are two directories for redundancy, the last one is the main one.
    this.#directories += 1;
    if (this.#directories > (this.#header.redundantTables ? 2 : 1)) {
      this.#refuse(
        (sector - 1) * SECTOR_BYTES,
        `a ${this.#directories === 2 ? 'second' : 'third'} grain directory comes`,
      );
    }
    this.#directorySector = sector;
    const onEntry = (_index: number, value: number): void => this.ledger.addDirectoryEntry(value);
    this.#reader.readEntries(bytes, tableCount(this.#header), onEntry, () => this.awaitMarker());
  }

  #onFooter(): void {
    const start = this.#reader.offsetBytes - SECTOR_BYTES;
    const refuse = (what: string): never => this.#refuse(start, `in its footer, ${what}`);
    const footer = parseFooter(this.#reader.scratch, this.#header, refuse);
    this.#checkDirectoryPlace(footer.directoryOffsetSectors, refuse);
    this.#footerSeen = true;
    this.awaitMarker();
  }

  #checkDirectoryPlace(named: number | undefined, refuse: (what: string) => never): void {
    if (hasFrontDirectory(this.#header)) return;
    if (this.#directorySector === undefined) refuse('it refers to a grain directory that is not in the stream');
    if (named !== this.#directorySector) {
      refuse(
        `its footer gives the grain directory at sector ${named ?? '2^64-1'}, but it is at ${this.#directorySector}`,
      );
    }
  }

  #onEndOfStream(start: number, marker: Marker): void {
    if (marker.value !== 0) this.#refuse(start, `its end-of-stream marker names ${marker.value} sectors`);
    const { directoryOffsetSectors: directory } = this.#header;
    if (directory === undefined && !this.#footerSeen)
      this.#refuse(start, 'its end-of-stream marker comes before any footer');
    if (directory !== undefined) {
      this.#checkDirectoryPlace(directory, (what) => this.#refuse(0, `in its header, ${what}`));
    }
    this.checkTables(start);
    this.#ended = true;
    this.#reader.expectZeros(
      MAX_END_PADDING_BYTES,
      (offsetBytes) => this.#refuse(offsetBytes, 'bytes other than zeros come after its end-of-stream marker'),
      () => this.#refuse(start, 'more than 1 MiB of zeros comes after its end-of-stream marker'),
    );
  }
}
