import type { Socket } from 'node:net';
import { brokenConnection } from './nfc-error.ts';

/** The socket pauses when this much has arrived and nobody waits for it. */
const MOST_BUFFERED_BYTES = 256 * 1024;

interface Waiter {
  bytes: number;
  resolve: (bytes: Buffer) => void;
  reject: (error: unknown) => void;
}

/** Reads exact amounts from a socket, one read at a time. Its memory is limited to the amount that is waited for. */
export class StreamReader {
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];
  #bufferedBytes = 0;
  #waiter: Waiter | undefined;
  #failure: { error: unknown } | undefined;
  #receivedBytes = 0;
  #lastMs = Date.now();
  readonly #onData = (chunk: Buffer): void => this.#take(chunk);
  readonly #onError = (error: Error): void =>
    this.fail(brokenConnection(this.#host, `failed: ${error.message}`, error));
  readonly #onEnd = (): void => this.fail(brokenConnection(this.#host, 'was closed by the other side'));
  readonly #host: string;

  constructor(socket: Socket, host: string) {
    this.#socket = socket;
    this.#host = host;
    socket.on('data', this.#onData);
    socket.on('error', this.#onError);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onEnd);
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** When the last byte arrived, in milliseconds since the epoch. */
  get lastMs(): number {
    return this.#lastMs;
  }

  /** The failure, if the connection has failed. */
  get failure(): unknown {
    return this.#failure?.error;
  }

  /** Resolves to the next `bytes` bytes. They stay valid. */
  read(bytes: number): Promise<Buffer> {
    if (this.#bufferedBytes >= bytes) return Promise.resolve(this.#cut(bytes));
    if (this.#failure) return Promise.reject(this.#failure.error);
    return new Promise((resolve, reject) => {
      this.#waiter = { bytes, resolve, reject };
      this.#socket.resume();
    });
  }

  /** Reads a line that ends with LF, without it and a CR before it. Returns undefined for a line that is too long. */
  async readLine(mostBytes: number): Promise<string | undefined> {
    const bytes: number[] = [];
    while (bytes.length < mostBytes) {
      const [byte = 0] = await this.read(1);
      if (byte === 0x0a) return Buffer.from(bytes).toString('latin1').replace(/\r$/, '');
      bytes.push(byte);
    }
    return undefined;
  }

  /** All reads fail with this error from now on. The first error counts. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.reject(this.#failure.error);
  }

  /** Gives the socket up, paused. Returns the number of bytes that arrived and were not read. */
  detach(): number {
    const socket = this.#socket;
    socket.pause();
    socket.off('data', this.#onData);
    socket.off('error', this.#onError);
    socket.off('end', this.#onEnd);
    socket.off('close', this.#onEnd);
    return this.#bufferedBytes;
  }

  #take(chunk: Buffer): void {
    this.#receivedBytes += chunk.length;
    this.#lastMs = Date.now();
    this.#chunks.push(chunk);
    this.#bufferedBytes += chunk.length;
    const waiter = this.#waiter;
    if (waiter && this.#bufferedBytes >= waiter.bytes) {
      this.#waiter = undefined;
      waiter.resolve(this.#cut(waiter.bytes));
    }
    if (this.#waiter === undefined && this.#bufferedBytes >= MOST_BUFFERED_BYTES) this.#socket.pause();
  }

  #cut(bytes: number): Buffer {
    const pieces: Buffer[] = [];
    for (let missing = bytes; missing > 0;) {
      const [first] = this.#chunks;
      if (first === undefined) throw new RangeError('more bytes are cut than have arrived');
      const piece = first.subarray(0, missing);
      if (piece.length === first.length) this.#chunks.shift();
      else this.#chunks[0] = first.subarray(missing);
      pieces.push(piece);
      missing -= piece.length;
    }
    this.#bufferedBytes -= bytes;
    const [only] = pieces;
    return pieces.length === 1 && only ? only : Buffer.concat(pieces, bytes);
  }
}
