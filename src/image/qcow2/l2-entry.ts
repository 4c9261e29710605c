import { dataRun, emptyRun, unitSpan, type Span } from '../model/runs.ts';
import type { SourceFile } from '../file/source-file.ts';
import type { Run } from '../model/image.ts';
import type { Qcow2Header } from './header.ts';

/**
 * Entries of L1 and L2 tables have 64 bits. They are handled as two halves, because JavaScript numbers are exact only
 * up to 2^53.
 * Source: qemu's docs/interop/qcow2.txt, "Cluster mapping" and "Extended L2 Entries".
 */
const COMPRESSED = 1 << 30;
const READS_AS_ZEROS = 1;
const SECTOR_BYTES = 512;
const SUBCLUSTERS = 32;
const ALL = 0xffff_ffff;

/** Bits 9 to 55 of an entry are a file offset. The other bits are flags or reserved. */
export function hostOffset(entries: Buffer, at: number): number {
  return (entries.readUInt32BE(at) & 0x00ff_ffff) * 2 ** 32 + ((entries.readUInt32BE(at + 4) & ~0x1ff) >>> 0);
}

/** Converts L2 table entries to runs. */
export class L2Reader {
  readonly entryBytes: number;
  readonly #source: SourceFile;
  readonly #header: Qcow2Header;
  readonly #empty: 'zero' | 'absent';

  /** `empty` is the kind of run for unallocated clusters. */
  constructor(source: SourceFile, header: Qcow2Header, empty: 'zero' | 'absent') {
    this.entryBytes = header.extendedL2 ? 16 : 8;
    this.#source = source;
    this.#header = header;
    this.#empty = empty;
  }

  /**
   * Appends the runs of an entry to `runs`. The entry is at offset `at` in `entries` and maps cluster number `cluster`
   * of the disk. `tableAt` is the file offset of `entries`.
   */
  addRuns(runs: Run[], entries: Buffer, at: number, cluster: number, span: Span, tableAt: number): void {
    const high = entries.readUInt32BE(at);
    const low = entries.readUInt32BE(at + 4);
    const part = unitSpan(span, this.#header.clusterBytes, cluster);
    if ((high & COMPRESSED) !== 0) runs.push(this.#compressedRun(high, low, part, tableAt + at));
    else if (this.#header.extendedL2) this.#addSubclusters(runs, entries, at, cluster, part, tableAt);
    else if ((low & READS_AS_ZEROS) !== 0) runs.push(this.#zeroRun(part, tableAt + at));
    else {
      const offset = hostOffset(entries, at);
      runs.push(offset === 0 ? emptyRun(this.#empty, part) : this.#dataRun(offset, part, cluster, tableAt + at));
    }
  }

  #zeroRun(part: Span, referencedAt: number): Run {
    if (this.#header.version === 2) throw this.#source.fault(referencedAt, 'a zero cluster is marked as in version 3');
    return emptyRun('zero', part);
  }

  #dataRun(clusterOffset: number, part: Span, cluster: number, referencedAt: number): Run {
    const { clusterBytes } = this.#header;
    if (clusterOffset % clusterBytes !== 0) {
      throw this.#source.fault(referencedAt, `a cluster at byte ${clusterOffset} is not aligned`);
    }
    const start = cluster * clusterBytes;
    this.#source.requireInside(
      clusterOffset + (part.fromBytes - start),
      part.toBytes - part.fromBytes,
      'data',
      referencedAt,
    );
    return dataRun(part, start, clusterOffset);
  }

  /**
   * "Compressed Clusters Descriptor (x = 62 - (cluster_bits - 8))": an offset of x bits, then the number of additional
   * sectors that the bytes touch after the first one.
   */
  #compressedRun(high: number, low: number, part: Span, referencedAt: number): Run {
    const { clusterBytes, codec } = this.#header;
    const offsetBitsHigh = 62 - (Math.log2(clusterBytes) - 8) - 32;
    const offset = (high & ((1 << offsetBitsHigh) - 1)) * 2 ** 32 + low;
    const moreSectors = (high & (COMPRESSED - 1)) >>> offsetBitsHigh;
    if (offset === 0 || offset >= this.#source.sizeBytes) {
      throw this.#source.fault(referencedAt, `a compressed cluster would start at byte ${offset}`);
    }
    const boundBytes = (moreSectors + 1) * SECTOR_BYTES - (offset % SECTOR_BYTES);
    return {
      kind: 'compressed',
      offsetBytes: part.fromBytes,
      lengthBytes: part.toBytes - part.fromBytes,
      codec,
      file: 0,
      fileOffsetBytes: offset,
      // The file can end before the last sector of the last cluster.
      storedBytes: Math.min(boundBytes, this.#source.sizeBytes - offset),
      exact: false,
      clusterBytes,
      skipBytes: part.fromBytes % clusterBytes,
    };
  }

  /**
   * "Subcluster Allocation Bitmap": bits 0 to 31 mark allocated subclusters, bits 32 to 63 those that read as zeros.
   */
  #addSubclusters(runs: Run[], entries: Buffer, at: number, cluster: number, part: Span, tableAt: number): void {
    const offset = hostOffset(entries, at);
    const zeros = entries.readUInt32BE(at + 8);
    const allocated = entries.readUInt32BE(at + 12);
    if ((zeros & allocated) !== 0 || (allocated !== 0 && offset === 0)) {
      throw this.#source.fault(tableAt + at + 8, 'the subcluster bitmap is inconsistent');
    }
    if (allocated === ALL) runs.push(this.#dataRun(offset, part, cluster, tableAt + at));
    else if (zeros === ALL) runs.push(emptyRun('zero', part));
    else if (allocated === 0 && zeros === 0) runs.push(emptyRun(this.#empty, part));
    else {
      for (let bit = 0; bit < SUBCLUSTERS; bit++) {
        const sub = unitSpan(part, this.#header.clusterBytes / SUBCLUSTERS, cluster * SUBCLUSTERS + bit);
        if (sub.fromBytes >= sub.toBytes) continue;
        if (((allocated >>> bit) & 1) === 1) runs.push(this.#dataRun(offset, sub, cluster, tableAt + at));
        else runs.push(emptyRun(((zeros >>> bit) & 1) === 1 ? 'zero' : this.#empty, sub));
      }
    }
  }
}
