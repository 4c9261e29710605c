import { settleAll } from '../concurrency.ts';
import type { OutputFile } from './output.ts';

/** Concurrent writes into a file. */
export class Writes {
  readonly #file: Pick<OutputFile, 'write'>;
  readonly #all: Promise<void>[] = [];

  constructor(file: Pick<OutputFile, 'write'>) {
    this.#file = file;
  }

  /** Starts a write. The bytes must not change before `onWritten` is called or {@link done} resolves. */
  add(bytes: Uint8Array, position: number, onWritten?: () => void): void {
    this.#all.push(this.#file.write(bytes, position).then(onWritten));
  }

  /**
   * Waits for all writes, even if one fails.
   * @throws the first failure.
   */
  done(): Promise<void> {
    return settleAll(this.#all);
  }
}
