import type { Writes } from '../../base/output/writes.ts';

/** 16 bits to a cluster, qemu's own choice: refcount_order 4. */
const ENTRY_BYTES = 2;

/**
 * Hands out the clusters of a new qcow2 file from front to back, and keeps count of them. A refcount block takes its place in the file when the first cluster that it counts is
 * handed out, and is written when the last one is behind: so memory does not grow with the image.
 */
export class Refcounts {
  readonly #clusterBytes: number;
  /** Clusters that one block counts. */
  readonly #perBlock: number;
  /** Cluster number of each block. */
  readonly #blocks: number[] = [];
  /** Blocks that are not written yet. */
  readonly #open = new Map<number, Buffer>();
  /** Cluster 0 is the header's. */
  #end = 1;

  constructor(clusterBytes: number) {
    this.#clusterBytes = clusterBytes;
    this.#perBlock = clusterBytes / ENTRY_BYTES;
    this.reserve(0);
    this.add(0, 1);
  }

  /** Number of the next free cluster: the file's size in clusters. */
  get end(): number {
    return this.#end;
  }

  /** Makes room for blocks that `count` more clusters need; true when that took clusters itself, so that {@link end} has moved. */
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

  /** Hands out `count` neighbouring clusters that are referred to `references` times each. Returns the number of the first. */
  allocate(count: number, references = 1): number {
    this.reserve(count);
    const first = this.#end;
    this.#end += count;
    if (references > 0) for (let cluster = first; cluster < this.#end; cluster += 1) this.add(cluster, references);
    return first;
  }

  /** Counts more references to a cluster. */
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

  /** Writes all that is left, and the refcount table behind everything. Returns where the table stands, in clusters. */
  finish(writes: Writes): { tableCluster: number; tableClusters: number } {
    // The table's own clusters may need one more block, which the table must have room for.
    const tableClusters = Math.ceil(((this.#blocks.length + 2) * 8) / this.#clusterBytes);
    const tableCluster = this.allocate(tableClusters);
    const table = Buffer.alloc(tableClusters * this.#clusterBytes);
    this.#blocks.forEach((block, index) => table.writeBigUInt64BE(BigInt(block * this.#clusterBytes), index * 8));
    this.writeUpTo(Number.POSITIVE_INFINITY, writes);
    writes.add(table, tableCluster * this.#clusterBytes);
    return { tableCluster, tableClusters };
  }
}
