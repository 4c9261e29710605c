import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { setTimeout as pause } from 'node:timers/promises';
import type { NfcHost } from './nfc-host.ts';
import type { NfcConnectionRecord } from './nfc-state.ts';

/** One TCP connection to the NFC endpoint, over both of its TLS sessions. */
export class NfcConnection {
  readonly host: NfcHost;
  readonly record: NfcConnectionRecord = {
    vm: undefined,
    stage: 'connected',
    outcome: 'open',
    ended: false,
    session: 'none',
    files: [],
    peakReads: 0,
    peakBytes: 0,
    saidGoodbye: false,
    violations: [],
  };
  readonly #raw: Socket;
  readonly #closed = new AbortController();

  constructor(host: NfcHost, raw: Socket) {
    this.host = host;
    this.#raw = raw;
    host.connections.push(this.record);
    raw.on('close', () => {
      if (this.record.outcome === 'open')
        this.record.outcome = this.record.session === 'closed' ? 'closed' : 'abandoned';
      if (this.record.session === 'open') this.record.session = 'abandoned';
      this.record.ended = true;
      for (const file of this.record.files) file.open = false;
      this.#closed.abort();
    });
  }

  /** Aborts when the connection has ended. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** The names by which scripted faults find this connection. */
  get targets(): string[] {
    return this.record.vm === undefined ? [] : [this.record.vm];
  }

  /** Records what the client must not do. */
  violation(text: string): void {
    this.record.violations.push(text);
  }

  /** Ends the connection at once. The first outcome counts. */
  cut(outcome: string): void {
    if (this.record.outcome === 'open') this.record.outcome = outcome;
    this.#raw.destroy();
  }

  /** Ends the connection after the bytes that were written have left this process. */
  async end(outcome: string, socket: TLSSocket | Socket): Promise<void> {
    if (this.record.outcome === 'open') this.record.outcome = outcome;
    socket.end();
    // The client reads the last line or frame, and hangs up.
    await Promise.race([this.untilClosed(), pause(1000, undefined, { ref: false })]);
    this.#raw.destroy();
  }

  /** Sends nothing more, and waits until the client hangs up. */
  async stall(action: string): Promise<void> {
    if (this.record.outcome === 'open') this.record.outcome = action;
    await this.untilClosed();
  }

  async untilClosed(): Promise<void> {
    if (!this.closed.aborted) await once(this.closed, 'abort');
  }
}

/** Writes bytes to a TLS session and waits until they have left it, so that the next ones are in another record. */
export async function sendAlone(socket: TLSSocket, bytes: Buffer | string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  // An error of the connection is seen by its reader.
  socket.write(bytes, () => resolve());
  socket.once('close', () => resolve());
  await promise;
}
