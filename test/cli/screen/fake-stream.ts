import { Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';

const SHOW_LIMIT_MS = 30_000;

/** A fake standard error. It stores all output, and each write separately. */
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

  /** Resolves when the output matches. Needed because a screen redraws on a timer. */
  async shows(words: RegExp): Promise<void> {
    for (const endMs = Date.now() + SHOW_LIMIT_MS; !words.test(stripVTControlCharacters(this.text));) {
      if (Date.now() > endMs)
        throw new Error(`${String(words)} was not shown: ${JSON.stringify(this.text.slice(-2000))}`);
      await pause(5);
    }
  }

  get text(): string {
    return this.writes.join('');
  }

  get lines(): string[] {
    return this.text.split('\n').slice(0, -1);
  }
}
