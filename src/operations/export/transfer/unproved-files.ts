import { checkAgainstManifest, type ArrivedFile, type ManifestEntry } from '../source/manifest.ts';

/** Whether the server actually sends the SHA-256 hashes that it announces: learned once, for all VMs of a run. */
export interface ServerHashes {
  broken: boolean;
}

interface UnprovedFile {
  arrived: ArrivedFile;
  accept: () => Promise<void>;
  refuse: () => Promise<void>;
}

/**
 * The images of one lease that arrived completely without being inflated and that have no hash from the server yet:
 * some servers know it only after the whole lease has been read. Images that remain when the lease ends are refused.
 */
export class UnprovedFiles implements AsyncDisposable {
  #waiting: UnprovedFile[] = [];

  add(file: UnprovedFile): void {
    this.#waiting.push(file);
  }

  /** Refuses an image that does not match the manifest; false when it is not in the list. */
  async refuse(arrived: ArrivedFile): Promise<boolean> {
    const found = this.#waiting.find((file) => file.arrived === arrived);
    if (found === undefined) return false;
    this.#waiting = this.#waiting.filter((file) => file !== found);
    await found.refuse();
    return true;
  }

  /** Accepts the files that the complete manifest of the lease proves, and returns the names of the others. */
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
