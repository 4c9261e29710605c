import type { TLSSocket } from 'node:tls';

/** Bytes of records that may wait before the server stops to read from the network. */
const MAX_WAITING_BYTES = 4 << 20;

/** The client ended the connection. */
export class ConnectionEnded extends Error {
  constructor() {
    super('the connection ended');
    this.name = 'ConnectionEnded';
  }
}

/**
 * Reads the bytes of a TLS session, and knows the records in which they arrived. Node emits one `data` event for each
 * record: it calls `SSL_read` with room for a whole record (16 KiB), and `SSL_read` returns bytes of one record only. The
 * events do not merge records, because the stream is never read in another way.
 */
export class RecordReader {
  readonly #socket: TLSSocket;
  /** Records of which no byte was read. */
  readonly #records: Buffer[] = [];
  /** The rest of the record that was read last. */
  #rest: Buffer = Buffer.alloc(0);
  #waitingBytes = 0;
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on('data', (record: Buffer) => {
      this.#records.push(record);
      this.#waitingBytes += record.length;
      if (this.#waitingBytes > MAX_WAITING_BYTES) socket.pause();
      this.#wake();
    });
    const onEnd = (): void => {
      this.#ended = true;
      this.#wake();
    };
    socket.on('end', onEnd);
    socket.on('close', onEnd);
  }

  /**
   * Waits until there is a message to read. With `ownRecord` it waits like a program that calls `select`: until a record
   * arrives of which no byte was read. What is left of the record before does not count, but is read first.
   * @returns false at the end of the connection
   */
  async nextMessage(ownRecord: boolean): Promise<boolean> {
    if (!ownRecord && this.#rest.length > 0) return true;
    while (this.#records.length === 0) {
      if (this.#ended) return false;
      await this.#change();
    }
    return true;
  }

  /** Reads bytes of one or several records. */
  async take(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let missing = length; missing > 0;) {
      await this.#fill();
      const part = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(part.length);
      missing -= part.length;
      if (missing === 0 && parts.length === 0) return part;
      parts.push(part);
    }
    return Buffer.concat(parts);
  }

  /** Reads a line and returns it with its line break, or the first `maxLength` bytes of a longer one. */
  async line(maxLength: number): Promise<string> {
    let text = '';
    while (!text.endsWith('\n') && text.length < maxLength) {
      await this.#fill();
      const end = this.#rest.indexOf('\n');
      const part = this.#rest.subarray(0, Math.min(maxLength - text.length, end === -1 ? this.#rest.length : end + 1));
      this.#rest = this.#rest.subarray(part.length);
      text += part.toString('latin1');
    }
    return text;
  }

  async #fill(): Promise<void> {
    while (this.#rest.length === 0) {
      const record = this.#records.shift();
      if (record !== undefined) {
        this.#rest = record;
        this.#waitingBytes -= record.length;
        if (this.#waitingBytes < MAX_WAITING_BYTES / 2) this.#socket.resume();
      } else if (this.#ended) {
        throw new ConnectionEnded();
      } else {
        await this.#change();
      }
    }
  }

  async #change(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
  }
}
