import type { TransferEvent } from '../types.ts';

const REPORT_EVERY_MS = 100;

/** The progress of one VM's files, over all attempts. */
export class TransferProgress {
  /** Bytes over the network, including failed attempts. */
  transferredBytes = 0;
  readonly #vm: string;
  readonly #report: (event: TransferEvent) => void;
  #capacityBytes = 0;
  readonly #coveredBytes = new Map<string, number>();

  constructor(vm: string, report: (event: TransferEvent) => void) {
    this.#vm = vm;
    this.#report = report;
  }

  begin(files: readonly { name: string; capacityBytes: number }[]): void {
    this.#capacityBytes = files.reduce((sum, file) => sum + file.capacityBytes, 0);
    const disks = files.map(({ name, capacityBytes }) => ({ disk: name, capacityBytes }));
    this.#report({ type: 'disks', vm: this.#vm, disks });
  }

  /** The received share of the capacity of all wanted files, for the server's progress bar. */
  get percent(): number {
    const covered = [...this.#coveredBytes.values()].reduce((sum, bytes) => sum + bytes, 0);
    return this.#capacityBytes === 0 ? 0 : (covered * 100) / this.#capacityBytes;
  }

  /** Returns the function that one attempt at a file calls after every chunk. */
  ofAttempt(key: string, disk: string): (receivedBytes: number, coveredBytes: number) => void {
    let reportedAt = 0;
    let counted = 0;
    return (receivedBytes, coveredBytes) => {
      this.#coveredBytes.set(key, coveredBytes);
      this.transferredBytes += receivedBytes - counted;
      counted = receivedBytes;
      const now = Date.now();
      if (now - reportedAt < REPORT_EVERY_MS) return;
      reportedAt = now;
      this.#report({ type: 'disk-progress', vm: this.#vm, disk, receivedBytes, coveredBytes });
    };
  }

  /** Discards the progress of a file whose content is unusable. */
  forget(key: string): void {
    this.#coveredBytes.delete(key);
  }
}
