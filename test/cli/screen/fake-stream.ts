import { Writable } from 'node:stream';

/** A stand-in for standard error that keeps what was written, and each write apart. */
export class FakeStream extends Writable {
  readonly writes: string[] = [];
  isTTY: boolean;
  columns: number;
  rows = 24;

  constructor({ columns = 80, isTTY = true } = {}) {
    super();
    this.columns = columns;
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.writes.push(chunk.toString());
    done();
  }

  get text(): string {
    return this.writes.join('');
  }

  get lines(): string[] {
    return this.text.split('\n').slice(0, -1);
  }
}
