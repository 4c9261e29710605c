import type { Writes } from '../../base/output/writes.ts';

/** 16 bits per cluster, the default of qemu: refcount_order 4. */
const ENTRY_BYTES = 2;

/**
 * Allocates the clusters of a new qcow2 file from start to end, and maintains their refcounts. A refcount block is
 * allocated when the first cluster that it counts is allocated. It is written when all of its clusters are complete, so
 * that memory use does not grow with the image.
 */
export class Refcounts {
  readonly #clusterBytes: number;
  /** Number of clusters that one block counts. */
  readonly #perBlock: number;
  /** Cluster number of each block. */
  readonly #blocks: number[] = [];
  /** Blocks that are not written yet. */
  readonly #open = new Map<number, Buffer>();
  /** Cluster 0 contains the header. */
  #end = 1;

  constructor(clusterBytes: number) {
    this.#clusterBytes = clusterBytes;
    this.#perBlock = clusterBytes / ENTRY_BYTES;
    this.reserve(0);
    this.add(0, 1);
  }

  /** The number of the next free cluster, which is the size of the file in clusters. */
  get end(): number {
    return this.#end;
  }

  /**
   * Allocates the refcount blocks that `count` more clusters need. Returns true if that used clusters, so that
   * {@link end} has changed.
   */
  reserve(count: number): boolean {
    const before = this.#end;
    while (this.#blocks.length * this.#perBlock < this.#end + count) {
      this.#blocks.push(this.#end);
      this.#open.set(this.#blocks.length - 1, Buffer.alloc(this.#clusterBytes));
      this.add(this.#end, 1);
      this.#end += 1;
    }
    return this.#end !== before;
  }

  /** Allocates `count` adjacent clusters with a refcount of `references` each. Returns the number of the first one. */
  allocate(count: number, references = 1): number {
    this.reserve(count);
    const first = this.#end;
    this.#end += count;
    if (references > 0) for (let cluster = first; cluster < this.#end; cluster += 1) this.add(cluster, references);
    return first;
  }

  /** Adds to the refcount of a cluster. */
  add(cluster: number, references: number): void {
    const block = this.#open.get(Math.floor(cluster / this.#perBlock));
    if (!block) throw new RangeError(`cluster ${cluster} is beyond the end of the refcount table`);
    const at = (cluster % this.#perBlock) * ENTRY_BYTES;
    block.writeUInt16BE(block.readUInt16BE(at) + references, at);
  }

  /** Writes the blocks that count only clusters before `cluster`. */
  writeUpTo(cluster: number, writes: Writes): void {
    for (const [number, bytes] of this.#open) {
      if ((number + 1) * this.#perBlock > cluster) return;
      writes.add(bytes, (this.#blocks[number] ?? 0) * this.#clusterBytes);
      this.#open.delete(number);
    }
  }

  /**
   * Writes all remaining blocks, and the refcount table at the end of the file. Returns the position and size of the
   * table in clusters.
   */
  finish(writes: Writes): { tableCluster: number; tableClusters: number } {
    // The clusters of the table itself can need one more block, for which the table must have room.
    const tableClusters = Math.ceil(((this.#blocks.length + 2) * 8) / this.#clusterBytes);
    const tableCluster = this.allocate(tableClusters);
    const table = Buffer.alloc(tableClusters * this.#clusterBytes);
    this.#blocks.forEach((block, index) => table.writeBigUInt64BE(BigInt(block * this.#clusterBytes), index * 8));
    this.writeUpTo(Number.POSITIVE_INFINITY, writes);
    writes.add(table, tableCluster * this.#clusterBytes);
    return { tableCluster, tableClusters };
  }
}
