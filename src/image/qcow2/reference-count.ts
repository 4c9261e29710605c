import { formatCount } from '../../base/text/amounts.ts';

/** One line of a check: what is wrong, and where. */
export type Report = (kind: 'corruption' | 'leak', sentence: string) => void;

/** 8 bytes for each cluster: 64 MiB of memory for a pass, which covers 512 GiB of file with clusters of 64 KiB. */
const CLUSTERS_PER_PASS = 8 * 2 ** 20;
const MOST_COUNTED = 0xffff_ffff;

/**
 * The references to a range of a file's clusters, and their refcounts in the file. A large file is checked in several
 * passes over its tables, so that memory does not grow with it.
 */
export class ReferenceCount {
  readonly firstCluster: number;
  readonly endCluster: number;
  readonly #clusterBytes: number;
  readonly #fileBytes: number;
  readonly #references: Uint32Array;
  /** Larger refcounts are stored as the maximum. */
  readonly #refcounts: Uint32Array;
  readonly #report: Report;

  private constructor(
    range: { firstCluster: number; endCluster: number },
    { clusterBytes, fileBytes, report }: { clusterBytes: number; fileBytes: number; report: Report },
  ) {
    this.firstCluster = range.firstCluster;
    this.endCluster = range.endCluster;
    this.#clusterBytes = clusterBytes;
    this.#fileBytes = fileBytes;
    this.#report = report;
    this.#references = new Uint32Array(range.endCluster - range.firstCluster);
    this.#refcounts = new Uint32Array(range.endCluster - range.firstCluster);
  }

  /** The passes that a check of a file needs, one at a time. */
  static *passes(
    options: { clusterBytes: number; fileBytes: number; report: Report },
    clustersPerPass = CLUSTERS_PER_PASS,
  ): Generator<ReferenceCount> {
    const clusters = Math.ceil(options.fileBytes / options.clusterBytes);
    for (let firstCluster = 0; firstCluster < clusters; firstCluster += clustersPerPass) {
      const endCluster = Math.min(clusters, firstCluster + clustersPerPass);
      yield new ReferenceCount({ firstCluster, endCluster }, options);
    }
  }

  /** What is found once, and not in each pass, is reported in the first one. */
  get isFirst(): boolean {
    return this.firstCluster === 0;
  }

  /** Counts one reference to each cluster that the range touches. The last cluster of a file may be incomplete. */
  add(offsetBytes: number, lengthBytes: number, what: string): void {
    if (lengthBytes === 0) return;
    if (offsetBytes + lengthBytes - this.#fileBytes >= this.#clusterBytes) {
      if (this.isFirst) this.#report('corruption', `${what} at byte ${offsetBytes} is after the end of the file`);
      return;
    }
    const last = Math.floor((offsetBytes + lengthBytes - 1) / this.#clusterBytes);
    const from = Math.max(Math.floor(offsetBytes / this.#clusterBytes), this.firstCluster);
    const to = Math.min(last, this.endCluster - 1);
    for (let index = from - this.firstCluster; index <= to - this.firstCluster; index += 1) {
      this.#references[index] = (this.#references[index] ?? 0) + 1;
    }
  }

  setRefcount(cluster: number, refcount: number): void {
    if (cluster < this.firstCluster || cluster >= this.endCluster) return;
    this.#refcounts[cluster - this.firstCluster] = Math.min(refcount, MOST_COUNTED);
  }

  referencesOf(cluster: number): number {
    return this.#references[cluster - this.firstCluster] ?? 0;
  }

  /** The refcount of the cluster at an offset, 0 after the end of the file; undefined if another pass covers it. */
  refcountAt(offsetBytes: number): number | undefined {
    if (offsetBytes >= this.#fileBytes) return this.isFirst ? 0 : undefined;
    const cluster = Math.floor(offsetBytes / this.#clusterBytes);
    return this.#refcounts[cluster - this.firstCluster];
  }

  /** Compares each refcount with the references. A refcount that is too high only wastes space. */
  compare(): void {
    for (let index = 0; index < this.#references.length; index += 1) {
      const [references = 0, refcount = 0] = [this.#references[index], this.#refcounts[index]];
      if (references === refcount) continue;
      const words = `cluster ${this.firstCluster + index} has the refcount ${refcount}, but ${formatCount(references, 'reference')}`;
      this.#report(refcount < references ? 'corruption' : 'leak', words);
    }
  }
}
