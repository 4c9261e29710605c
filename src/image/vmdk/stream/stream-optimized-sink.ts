import { crc32 } from 'node:zlib';
import { Hyper2kvmError } from '../../../base/errors.ts';
import type { PackedCluster, PackedWindow } from '../../model/window.ts';
import { GatheredWrites } from '../../../base/output/gathered-writes.ts';
import type { CompleteFile, OutputFile } from '../../../base/output/output.ts';
import { Writes } from '../../../base/output/writes.ts';
import type { DiskSink } from '../../model/sink.ts';
import { GrainPlaces } from './grain-places.ts';
import { withMetadataMarker } from '../layout/marker-writer.ts';
import {
  GRAIN_DATA_OFFSET,
  MARKER_FOOTER,
  MARKER_GRAIN_DIRECTORY,
  MARKER_GRAIN_TABLE,
  readMarker,
} from '../layout/marker.ts';
import { MAX_CAPACITY_SECTORS, SECTOR_BYTES } from '../layout/sparse-header.ts';
import { GRAIN_SECTORS, OVERHEAD_SECTORS, encodeStreamFront, encodeStreamHeader } from './stream-front-writer.ts';

const GRAIN_BYTES = GRAIN_SECTORS * SECTOR_BYTES;
/** RFC 1950: the checksum at the end of a zlib stream, over its content. */
const ADLER_BYTES = 4;
/** A parentCID of this value means that there is no parent, so no disk may have it as its content ID. */
const NO_CONTENT_ID = 0xffff_ffff;

export interface StreamOptimizedOptions {
  virtualSizeBytes: number;
  /** The name that the file will have; it is recorded in the descriptor. */
  fileName: string;
}

/**
 * Checks that a streamOptimized VMDK can hold a disk of this size.
 * @throws a usage error if it cannot.
 */
export function requireStreamCapacity(virtualSizeBytes: number): void {
  const most = MAX_CAPACITY_SECTORS * SECTOR_BYTES;
  if (virtualSizeBytes >= 1 && virtualSizeBytes <= most) return;
  throw new Hyper2kvmError(
    'usage',
    `A VMDK cannot hold a disk of ${virtualSizeBytes} bytes: the limits are 1 and ${most}.`,
    {
      hint: 'Choose --format qcow2 or raw.',
    },
  );
}

/**
 * Starts a streamOptimized VMDK in VMware's layout: header and descriptor, the grains in disk order with each grain
 * table after its grains, the grain directory, the footer, and the end-of-stream marker. The front is written last, so
 * an unfinished file is not a valid image.
 */
export function createStreamOptimizedSink(file: OutputFile, options: StreamOptimizedOptions): DiskSink {
  requireStreamCapacity(options.virtualSizeBytes);
  return new StreamOptimizedSink(file, options);
}

/**
 * Like {@link createStreamOptimizedSink}, for a file that is written sequentially, such as a member of a tar. The front
 * is written first, so `contentId` (32 bits) must be known before the disk is read. The caller finishes or discards the
 * file.
 */
export function createSequentialStreamSink(
  file: Pick<OutputFile, 'path' | 'write'>,
  { contentId, ...options }: StreamOptimizedOptions & { contentId: number },
): DiskSink {
  requireStreamCapacity(options.virtualSizeBytes);
  const nothing = { sizeBytes: 0, modifiedMs: 0 };
  const ended = { complete: () => Promise.resolve(nothing), discard: () => Promise.resolve() };
  return new StreamOptimizedSink(
    { path: file.path, write: (bytes, at) => file.write(bytes, at), ...ended },
    options,
    contentId,
  );
}

/** The part of the output file that the sink uses. */
type SinkFile = Pick<OutputFile, 'path' | 'write' | 'complete' | 'discard'>;

class StreamOptimizedSink implements DiskSink {
  readonly clusterBytes = GRAIN_BYTES;
  readonly packing = 'grains';
  readonly #file: SinkFile;
  readonly #fileName: string;
  readonly #gathered = new GatheredWrites();
  readonly #capacitySectors: number;
  readonly #places: GrainPlaces;
  /**
   * Computed over the offset and the checksum of each grain, so that it is the same for the same content, however that
   * was compressed.
   */
  #contentId: number;
  #endSector = OVERHEAD_SECTORS;
  readonly #frontContentId: number | undefined;
  #hasFront = false;

  /** With `frontContentId`, the front is written first and contains this content ID. */
  constructor(file: SinkFile, { virtualSizeBytes, fileName }: StreamOptimizedOptions, frontContentId?: number) {
    this.#file = file;
    this.#fileName = fileName;
    this.#capacitySectors = Math.ceil(virtualSizeBytes / SECTOR_BYTES);
    this.#places = new GrainPlaces(file.path, this.#capacitySectors);
    this.#contentId = crc32(`${this.#capacitySectors}`);
    this.#frontContentId = frontContentId;
  }

  async put({ offsetBytes, clusters, bytes }: PackedWindow): Promise<void> {
    const firstGrain = offsetBytes / GRAIN_BYTES;
    // A table covers 32 MiB, so a window never spans two tables.
    const writes = new Writes(this.#file);
    this.#begin(writes);
    if (this.#places.isDoneBefore(firstGrain)) this.#appendTable(writes);
    const grains = inDiskOrder(clusters, bytes);
    let sector = this.#endSector;
    for (const { index, stored } of grains) {
      this.#places.set(firstGrain + index, sector);
      this.#count(firstGrain + index, stored);
      sector += stored.length / SECTOR_BYTES;
    }
    this.#append(isInOrder(clusters) ? bytes : Buffer.concat(grains.map(({ stored }) => stored)), writes);
    await writes.done();
  }

  async finish(): Promise<CompleteFile> {
    const writes = new Writes(this.#file);
    this.#begin(writes);
    this.#appendTable(writes);
    const directorySector = this.#endSector + 1;
    this.#append(withMetadataMarker(MARKER_GRAIN_DIRECTORY, this.#places.directory), writes);
    const footer = encodeStreamHeader(this.#capacitySectors, directorySector);
    this.#append(withMetadataMarker(MARKER_FOOTER, footer), writes);
    // The end-of-stream marker is all zeros.
    this.#append(Buffer.alloc(SECTOR_BYTES), writes);
    this.#gathered.flush(writes);
    await writes.done();
    if (!this.#hasFront) await this.#file.write(this.#front(this.#contentId), 0);
    const { modifiedMs } = await this.#file.complete();
    return { sizeBytes: this.#endSector * SECTOR_BYTES, modifiedMs };
  }

  discard(): Promise<void> {
    return this.#file.discard();
  }

  /** If the front is written first, it is gathered with the data after it. */
  #begin(writes: Writes): void {
    if (this.#hasFront || this.#frontContentId === undefined) return;
    this.#hasFront = true;
    this.#gathered.add(this.#front(this.#frontContentId), 0, writes);
  }

  #front(contentId: number): Buffer {
    const known = contentId === NO_CONTENT_ID ? NO_CONTENT_ID - 1 : contentId;
    return encodeStreamFront({ capacitySectors: this.#capacitySectors, contentId: known, fileName: this.#fileName });
  }

  #appendTable(writes: Writes): void {
    const table = this.#places.takeTable(this.#endSector + 1);
    if (table) this.#append(withMetadataMarker(MARKER_GRAIN_TABLE, table), writes);
  }

  /** `bytes` consist of complete sectors. */
  #append(bytes: Uint8Array, writes: Writes): void {
    this.#gathered.add(bytes, this.#endSector * SECTOR_BYTES, writes);
    this.#endSector += bytes.length / SECTOR_BYTES;
  }

  #count(grain: number, stored: Uint8Array): void {
    const end = GRAIN_DATA_OFFSET + readMarker(stored).dataBytes;
    this.#contentId = crc32(`${grain}:`, this.#contentId);
    this.#contentId = crc32(stored.subarray(end - ADLER_BYTES, end), this.#contentId);
  }
}

/** In the slab, grains that were moved come before those that were compressed here. */
function isInOrder(clusters: readonly PackedCluster[]): boolean {
  return clusters.every(({ index }, number) => number === 0 || index > (clusters[number - 1]?.index ?? 0));
}

function inDiskOrder(clusters: readonly PackedCluster[], bytes: Uint8Array): { index: number; stored: Uint8Array }[] {
  const grains = clusters.map(({ index, at, storedBytes }) => ({
    index,
    stored: bytes.subarray(at, at + storedBytes),
  }));
  return grains.toSorted((a, b) => a.index - b.index);
}
