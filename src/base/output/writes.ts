import { settleAll } from '../concurrency.ts';
import type { OutputFile } from './output.ts';

/** Writes into a file that are under way together. */
export class Writes {
  readonly #file: Pick<OutputFile, 'write'>;
  readonly #all: Promise<void>[] = [];

  constructor(file: Pick<OutputFile, 'write'>) {
    this.#file = file;
  }

  /** Begins a write. The bytes must not change before `onWritten`, or {@link done}. */
  add(bytes: Uint8Array, position: number, onWritten?: () => void): void {
    this.#all.push(this.#file.write(bytes, position).then(onWritten));
  }

  /** Waits for all, also when one fails. @throws the first failure. */
  done(): Promise<void> {
    return settleAll(this.#all);
  }
}
