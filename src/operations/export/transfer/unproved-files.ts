import { checkAgainstManifest, type ArrivedFile, type ManifestEntry } from '../source/manifest.ts';

/** Whether the server keeps its word when it says that it gives SHA-256: learned once, for all VMs of a run. */
export interface ServerHashes {
  broken: boolean;
}

interface UnprovedFile {
  arrived: ArrivedFile;
  accept: () => Promise<void>;
  refuse: () => Promise<void>;
}

/**
 * The images of one lease that came whole without having been inflated, and whose hash the server has not told yet: some servers know it only when the
 * whole lease has been read. Those that are still here when the lease ends, on whatever way, are refused.
 */
export class UnprovedFiles implements AsyncDisposable {
  #waiting: UnprovedFile[] = [];

  add(file: UnprovedFile): void {
    this.#waiting.push(file);
  }

  /** Refuses one that the manifest disagrees with; false when it is not among them. */
  async refuse(arrived: ArrivedFile): Promise<boolean> {
    const found = this.#waiting.find((file) => file.arrived === arrived);
    if (found === undefined) return false;
    this.#waiting = this.#waiting.filter((file) => file !== found);
    await found.refuse();
    return true;
  }

  /** Accepts the files that the lease's whole manifest proves, and gives the names of the others. */
  async settle(manifest: readonly ManifestEntry[]): Promise<string[]> {
    const proved = this.#waiting.filter(({ arrived }) => checkAgainstManifest(arrived, manifest));
    this.#waiting = this.#waiting.filter((file) => !proved.includes(file));
    for (const { accept } of proved) await accept();
    return this.#waiting.map(({ arrived }) => arrived.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { refuse } of this.#waiting) await refuse();
  }
}
