import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';

/**
 * An image on disk that is damaged and restored in place. A round costs only the changed bytes, not the complete file.
 */
export class MutableImage {
  readonly bytes: Buffer;
  readonly #original: Buffer;
  readonly #fd: number;
  readonly #changed: [number, number][] = [];

  constructor(path: string) {
    this.bytes = readFileSync(path);
    this.#original = Buffer.from(this.bytes);
    this.#fd = openSync(path, 'r+');
  }

  /** Changes `[at, at + length)` of {@link bytes}, up to its end. */
  change(at: number, length: number, write: (bytes: Buffer) => unknown): void {
    const part = this.bytes.subarray(at, at + length);
    if (part.length < length) return;
    write(part);
    this.#changed.push([at, length]);
  }

  /** Whether any byte of `[at, at + length)` was changed. */
  isChanged(at: number, length: number): boolean {
    return this.#changed.some(([start, changed]) => start < at + length && at < start + changed);
  }

  /** Writes the changes. Truncates the file to `sizeBytes` if that is set. */
  write(sizeBytes?: number): void {
    for (const [at, length] of this.#changed) writeSync(this.#fd, this.bytes, at, length, at);
    if (sizeBytes === undefined) return;
    ftruncateSync(this.#fd, sizeBytes);
    this.#changed.push([sizeBytes, this.bytes.length - sizeBytes]);
  }

  restore(): void {
    for (const [at, length] of this.#changed.splice(0)) {
      this.#original.copy(this.bytes, at, at, at + length);
      writeSync(this.#fd, this.bytes, at, length, at);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
