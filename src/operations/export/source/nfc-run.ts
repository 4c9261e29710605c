import { NfcUnavailableError } from '../../../vsphere/nfc/nfc-error.ts';
import { NfcAccess, type NfcOptions } from '../../../vsphere/nfc/nfc-access.ts';
import type { SharedWorkers } from '../../../image/copy/shared-workers.ts';
import type { VsphereClient } from '../../../vsphere/session/vsphere-client.ts';

/** The same part of a disk has other content over NFC than in an export lease. */
export class ContentDiffersError extends NfcUnavailableError {}

/** Random-access reads (NFC) in one run: what its VMs share. */
export class NfcRun {
  readonly access: NfcAccess;
  readonly workers: SharedWorkers;
  #over: unknown;
  #compared: Promise<unknown> | undefined;

  constructor(client: VsphereClient, options: NfcOptions, workers: SharedWorkers) {
    this.workers = workers;
    this.access = new NfcAccess(client, options);
  }

  /** The reason for which no VM of this run may be read over NFC any more. */
  get over(): unknown {
    return this.#over;
  }

  /**
   * Runs `compare` for the first VM of the run; the others wait for it. A difference ends the use of NFC in this run. After
   * another failure the next VM compares.
   */
  async compareOnce(compare: () => Promise<unknown>): Promise<void> {
    if (this.#compared) {
      await this.#compared.catch(() => undefined);
      if (this.#over !== undefined) throw this.#over;
      return;
    }
    const comparing = this.compare(compare);
    this.#compared = comparing;
    try {
      await comparing;
    } catch (error) {
      if (this.#over === undefined) this.#compared = undefined;
      throw error;
    }
  }

  /** Runs `compare`. A difference ends the use of NFC in this run. */
  async compare<Result>(compare: () => Promise<Result>): Promise<Result> {
    try {
      return await compare();
    } catch (error) {
      if (error instanceof ContentDiffersError) this.#over = error;
      throw error;
    }
  }
}
