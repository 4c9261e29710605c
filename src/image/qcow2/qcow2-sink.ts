import { Hyper2kvmError } from '../../base/errors.ts';
import type { PackedCluster, PackedWindow } from '../model/window.ts';
import { GatheredWrites } from '../../base/output/gathered-writes.ts';
import type { CompleteFile, OutputFile } from '../../base/output/output.ts';
import { Writes } from '../../base/output/writes.ts';
import type { DiskSink, StoredPart, StoredWindow } from '../model/sink.ts';
import { encodeHeader } from './header-writer.ts';
import { Refcounts } from './refcounts.ts';

export interface Qcow2Options {
  virtualSizeBytes: number;
  /** A power of two from 512 to 2 MiB. */
  clusterBytes: number;
  /** Compress clusters with Zstandard instead of deflate. */
  zstd: boolean;
}

/** qemu rejects a larger L1 table (QCOW_MAX_L1_SIZE). With 64 KiB clusters, this maximum is sufficient for 2 EiB. */
const MAX_L1_BYTES = 32 * 1024 * 1024;
/** Bit 63 of an L1 or L2 entry: the refcount of the cluster is exactly one. */
const COPIED = 1n << 63n;
/** Bit 62 of an L2 entry: the cluster is compressed. */
const COMPRESSED = 1n << 62n;

/**
 * Returns the number of L1 table entries.
 * @throws a usage error if it exceeds qemu's limit.
 */
export function requireL1Table(virtualSizeBytes: number, clusterBytes: number): number {
  const l1Entries = Math.max(1, Math.ceil(virtualSizeBytes / ((clusterBytes / 8) * clusterBytes)));
  if (l1Entries * 8 <= MAX_L1_BYTES) return l1Entries;
  const sentence = `Clusters of ${clusterBytes} bytes are too small for a disk of ${virtualSizeBytes} bytes.`;
  throw new Hyper2kvmError('usage', sentence, { hint: 'Choose a larger --cluster-size: 64K is usual.' });
}

/**
 * Starts a qcow2 image of version 3. Layout: the header cluster, the L1 table, then data, L2 tables and refcount blocks
 * in order of arrival, and finally the refcount table. The header is written last, so an unfinished file is not a valid
 * image.
 */
export function createQcow2Sink(file: OutputFile, options: Qcow2Options): DiskSink {
  return new Qcow2Sink(file, options, requireL1Table(options.virtualSizeBytes, options.clusterBytes));
}

/** The L2 table entry of a cluster in the window. */
interface Entry {
  index: number;
  entry: bigint;
}

class Qcow2Sink implements DiskSink {
  readonly clusterBytes: number;
  readonly #options: Qcow2Options;
  readonly #file: OutputFile;
  readonly #refcounts: Refcounts;
  /** Compressed clusters, which are not page-aligned. */
  readonly #gathered = new GatheredWrites();
  readonly #l1: Buffer;
  readonly #l1Cluster: number;
  readonly #clusterBits: number;
  /**
   * The current L2 table; `#l2Number` is its index in the L1 table. Windows arrive in order, so one table in memory is
   * enough.
   */
  #l2: Buffer;
  #l2Number = -1;
  /** File offset after the last compressed cluster, where the next one can follow. */
  #packedEnd = 0;

  constructor(file: OutputFile, options: Qcow2Options, l1Entries: number) {
    this.#file = file;
    this.#options = options;
    this.clusterBytes = options.clusterBytes;
    this.#clusterBits = Math.log2(options.clusterBytes);
    this.#refcounts = new Refcounts(options.clusterBytes);
    this.#l1 = Buffer.alloc(Math.ceil((l1Entries * 8) / this.clusterBytes) * this.clusterBytes);
    this.#l1Cluster = this.#refcounts.allocate(this.#l1.length / this.clusterBytes);
    this.#l2 = Buffer.alloc(this.clusterBytes);
  }

  async put({ offsetBytes, clusters, bytes }: PackedWindow): Promise<void> {
    const packed = clusters.filter(({ compressed }) => compressed);
    const whole = clusters.filter(({ compressed }) => !compressed);
    const writes = new Writes(this.#file);
    const entries = [
      ...(packed.length > 0 ? this.#placePacked(packed, bytes, writes) : []),
      ...(whole.length > 0 ? this.#placeUncompressed(whole, bytes, writes) : []),
    ];
    this.#map(offsetBytes, entries, writes);
    await writes.done();
  }

  /** Clusters get the places that {@link put} gave them, because the allocation depends only on the windows. */
  async restore({ offsetBytes, clusters }: StoredWindow): Promise<StoredPart[]> {
    const writes = new Writes(this.#file);
    const { entries, fileOffsetBytes } = this.#allocateUncompressed(clusters);
    this.#map(offsetBytes, entries, writes);
    await writes.done();
    return clusters.map((index, number) => ({
      at: index * this.clusterBytes,
      lengthBytes: this.clusterBytes,
      fileOffsetBytes: fileOffsetBytes + number * this.clusterBytes,
    }));
  }

  async endRestore(): Promise<void> {
    await this.#file.setSize(this.#refcounts.end * this.clusterBytes);
  }

  async finish(): Promise<CompleteFile> {
    const writes = new Writes(this.#file);
    this.#gathered.flush(writes);
    this.#writeL2(writes);
    const { tableCluster, tableClusters } = this.#refcounts.finish(writes);
    writes.add(this.#l1, this.#l1Cluster * this.clusterBytes);
    await writes.done();
    const sizeBytes = this.#refcounts.end * this.clusterBytes;
    await this.#file.setSize(sizeBytes);
    const header = encodeHeader({
      clusterBits: this.#clusterBits,
      virtualSizeBytes: Math.ceil(this.#options.virtualSizeBytes / 512) * 512,
      l1Entries: this.#l1.length / 8,
      l1OffsetBytes: this.#l1Cluster * this.clusterBytes,
      refcountTableOffsetBytes: tableCluster * this.clusterBytes,
      refcountTableClusters: tableClusters,
      zstd: this.#options.zstd,
    });
    await this.#file.write(header, 0);
    return await this.#file.complete();
  }

  discard(): Promise<void> {
    return this.#file.discard();
  }

  /** Enters clusters of a window into the tables. */
  #map(offsetBytes: number, entries: readonly Entry[], writes: Writes): void {
    for (const { index, entry } of entries.toSorted((a, b) => a.index - b.index)) {
      this.#setEntry(offsetBytes / this.clusterBytes + index, entry, writes);
    }
    const settled = this.#canContinue() ? Math.floor(this.#packedEnd / this.clusterBytes) : this.#refcounts.end;
    this.#refcounts.writeUpTo(settled, writes);
  }

  #placeUncompressed(clusters: readonly PackedCluster[], bytes: Uint8Array, writes: Writes): Entry[] {
    const { entries, fileOffsetBytes } = this.#allocateUncompressed(clusters.map(({ index }) => index));
    const at = clusters[0]?.at ?? 0;
    writes.add(bytes.subarray(at, at + clusters.length * this.clusterBytes), fileOffsetBytes);
    return entries;
  }

  #allocateUncompressed(indexes: readonly number[]): { entries: Entry[]; fileOffsetBytes: number } {
    const first = this.#refcounts.allocate(indexes.length);
    const entries = indexes.map((index, number) => ({
      index,
      entry: COPIED | BigInt((first + number) * this.clusterBytes),
    }));
    return { entries, fileOffsetBytes: first * this.clusterBytes };
  }

  /**
   * Stores compressed clusters contiguously, also across host cluster boundaries. The refcount of each host cluster is
   * the number of compressed clusters that touch it.
   */
  #placePacked(clusters: readonly PackedCluster[], bytes: Uint8Array, writes: Writes): Entry[] {
    let start = this.#allocatePacked(clusters.reduce((sum, { storedBytes }) => sum + storedBytes, 0));
    return clusters.map(({ index, at, storedBytes }) => {
      this.#gathered.add(bytes.subarray(at, at + storedBytes), start, writes);
      const last = start + storedBytes - 1;
      for (let host = Math.floor(start / this.clusterBytes); host <= Math.floor(last / this.clusterBytes); host += 1) {
        this.#refcounts.add(host, 1);
      }
      const moreSectors = Math.floor(last / 512) - Math.floor(start / 512);
      const entry = COMPRESSED | (BigInt(moreSectors) << BigInt(62 - (this.#clusterBits - 8))) | BigInt(start);
      start += storedBytes;
      return { index, entry };
    });
  }

  /**
   * Allocates space after the last compressed cluster if that is still the end of the file, otherwise in a new cluster.
   */
  #allocatePacked(lengthBytes: number): number {
    const continued = () => Math.ceil((this.#packedEnd + lengthBytes) / this.clusterBytes) - this.#refcounts.end;
    if (this.#canContinue() && this.#refcounts.reserve(continued())) this.#packedEnd = 0;
    const start = this.#canContinue() ? this.#packedEnd : undefined;
    if (start !== undefined) this.#refcounts.allocate(continued(), 0);
    const from = start ?? this.#refcounts.allocate(Math.ceil(lengthBytes / this.clusterBytes), 0) * this.clusterBytes;
    this.#packedEnd = from + lengthBytes;
    return from;
  }

  #canContinue(): boolean {
    return this.#packedEnd > 0 && Math.ceil(this.#packedEnd / this.clusterBytes) === this.#refcounts.end;
  }

  #setEntry(cluster: number, entry: bigint, writes: Writes): void {
    const perTable = this.clusterBytes / 8;
    const number = Math.floor(cluster / perTable);
    if (number !== this.#l2Number) {
      this.#writeL2(writes);
      this.#l2Number = number;
      this.#l2 = Buffer.alloc(this.clusterBytes);
    }
    this.#l2.writeBigUInt64BE(entry, (cluster % perTable) * 8);
  }

  #writeL2(writes: Writes): void {
    if (this.#l2Number === -1) return;
    const offset = this.#refcounts.allocate(1) * this.clusterBytes;
    writes.add(this.#l2, offset);
    this.#l1.writeBigUInt64BE(COPIED | BigInt(offset), this.#l2Number * 8);
  }
}
