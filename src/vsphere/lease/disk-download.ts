import type { OnReadOpts } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Hyper2kvmError } from '../../base/errors.ts';
import { connectionError, factsOfStatus, type Purpose } from '../connection/connection-failure.ts';
import { HttpResponseParser, HttpSyntaxError } from '../connection/http-response-parser.ts';
import type { LeaseDevice } from './nfc-lease.ts';
import { SlabQueue } from './slab-queue.ts';
import { CONNECT_LIMIT_MS } from '../connection/trusted-socket.ts';
import type { VsphereClient } from '../session/vsphere-client.ts';
import type { DownloadWatch } from '../session/wire-watch.ts';

export interface DownloadLimits {
  /**
   * Time limit for the first bytes of the file, counted from the open connection. A host reads past the zeros of a thin
   * disk before it sends anything.
   */
  firstByteTimeoutMs: number;
  /** Time limit for each later gap in the stream. */
  stallTimeoutMs: number;
}

/**
 * Less than one sector within the stall limit counts as silence; otherwise a server that sends a byte now and then
 * would block the export forever. Every disk stream consists of sectors, and a smaller file finishes within the limit.
 */
const LEAST_BYTES = 512;

/** Buffer into which Node decrypts one TLS record (16 KiB) at a time. */
const READ_BUFFER_BYTES = 64 * 1024;

/**
 * Downloads one file of a lease at the reader's pace, in chunks of up to 1 MiB. A chunk is valid until the reader
 * requests the next one. Returns normally only when the HTTP framing confirms that the body is complete.
 *
 * All bulk data passes through here, so it reads the TLS socket directly with a reused buffer (`onread`). Streams
 * allocate an object per 16 KiB, which cost a third of the CPU time of an export.
 * @throws Hyper2kvmError `transfer`, retryable for transient failures; `tls-trust`; the signal's reason. The connection
 * is closed in every case.
 */
export async function* downloadDevice(
  client: VsphereClient,
  device: LeaseDevice,
  limits: DownloadLimits,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const { url } = device;
  if (url.protocol !== 'https:') {
    throw new Hyper2kvmError('tls-trust', `${client.server} offers ${device.key} only over ${url.protocol}//.`, {
      hint: 'Enable HTTPS for NFC on that host.',
    });
  }
  if (device.sslThumbprint) client.http.trust.trustThumbprint(url, device.sslThumbprint);
  signal.throwIfAborted();
  const download = new Download(client, url, limits);
  const abort = () => download.fail(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    // An abort also ends the reading of what has arrived before it, up to the last piece.
    for await (const piece of download.pieces()) {
      signal.throwIfAborted();
      yield piece;
    }
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener('abort', abort);
    download.close();
  }
}

class Download {
  readonly #url: URL;
  /** Aborts a connection attempt in progress. */
  readonly #closing = new AbortController();
  #socket: TLSSocket | undefined;
  readonly #parser: HttpResponseParser;
  readonly #queue = new SlabQueue(() => this.#goOn());
  readonly #stallTimer: NodeJS.Timeout;
  #stopped = false;
  /**
   * Timer ticks since the last byte. Between two ticks the event loop has polled the socket, even in a process that was
   * suspended for a while. A clock would count the suspension as silence.
   */
  #silentTicks = 0;
  /** Bytes of the body since the last reset of the stall timer. Headers and chunk sizes do not count. */
  #bodyBytes = 0;
  /** The first bytes of the body have arrived. */
  #hasBegun = false;
  readonly #watch: DownloadWatch | undefined;
  #failure: unknown;

  constructor(client: VsphereClient, url: URL, limits: DownloadLimits) {
    this.#url = url;
    this.#watch = client.watch?.download(url);
    let hasRoom = true;
    this.#parser = new HttpResponseParser(
      (head) => {
        this.#watch?.answered(head);
        if (head.status !== 200) this.fail(refusedDownload(head.status, url));
      },
      (piece) => {
        this.#watch?.arrived(piece);
        hasRoom = this.#queue.push(piece);
        this.#bodyBytes += piece.length;
      },
    );
    const callback = (length: number, buffer: Uint8Array): boolean => {
      this.#take(Buffer.from(buffer.buffer, buffer.byteOffset, length));
      this.#stopped = !hasRoom;
      return hasRoom;
    };
    const onread = { buffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES), callback };
    this.#open(client, onread).catch((error: unknown) => this.fail(error));
    const intervalMs = Math.min(1000, limits.firstByteTimeoutMs / 4, limits.stallTimeoutMs / 4);
    this.#stallTimer = setInterval(() => this.#checkStall(limits, intervalMs), intervalMs);
  }

  pieces(): AsyncGenerator<Buffer, void, undefined> {
    return this.#queue.slabs();
  }

  fail(error: unknown): void {
    this.#failure ??= error;
    this.#queue.fail(error);
    this.close();
  }

  close(): void {
    clearInterval(this.#stallTimer);
    this.#closing.abort();
    this.#socket?.destroy();
    this.#watch?.end(this.#parser.isDone ? undefined : (this.#failure ?? 'The reader stopped before the end.'));
  }

  async #open(client: VsphereClient, onread: OnReadOpts): Promise<void> {
    // The session's host has already answered under this name.
    const purpose: Purpose = this.#url.hostname === client.settings.url.hostname ? 'api' : 'disks';
    const options = { limitMs: CONNECT_LIMIT_MS, signal: this.#closing.signal, purpose, onread };
    const socket = await client.http.connector.connect(this.#url, options);
    this.#socket = socket;
    // A server can send its response together with the end of the handshake, before the request.
    if (this.#closing.signal.aborted) return void socket.destroy();
    this.#silentTicks = 0;
    socket.on('error', (error) => this.fail(connectionError(error, this.#url)));
    socket.on('end', () => this.#ended());
    socket.on('close', () => this.#ended());
    const cookie = client.cookie.headerFor(this.#url);
    const text = requestText(this.#url, cookie === undefined ? {} : { cookie });
    this.#watch?.sent(text);
    socket.write(text);
  }

  #take(bytes: Buffer): void {
    try {
      this.#parser.feed(bytes);
    } catch (error) {
      this.fail(error instanceof HttpSyntaxError ? brokenAnswer(this.#url, error) : error);
      return;
    }
    if (this.#bodyBytes >= LEAST_BYTES) {
      this.#silentTicks = 0;
      this.#bodyBytes = 0;
      this.#hasBegun = true;
    }
    if (!this.#parser.isDone) return;
    this.#queue.end();
    this.close();
  }

  #ended(): void {
    if (this.#parser.end()) this.#queue.end();
    else this.fail(cutOff(this.#url));
  }

  #goOn(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#silentTicks = 0;
    this.#socket?.resume();
  }

  /** Does not count silence while the reader is the bottleneck. */
  #checkStall({ firstByteTimeoutMs, stallTimeoutMs }: DownloadLimits, intervalMs: number): void {
    const limitMs = this.#hasBegun ? stallTimeoutMs : firstByteTimeoutMs;
    this.#silentTicks = this.#stopped ? 0 : this.#silentTicks + 1;
    // The first tick may follow directly after a byte.
    if ((this.#silentTicks - 1) * intervalMs < limitMs) return;
    const amount = this.#bodyBytes > 0 ? 'almost nothing' : 'nothing';
    const sentence = `${this.#url.host} sent ${amount} for ${Math.round(limitMs / 1000)} seconds.`;
    const hint = this.#hasBegun
      ? 'The connection stalled; --stall-timeout waits longer.'
      : 'The host has not begun to send; --first-byte-timeout waits longer.';
    this.fail(new Hyper2kvmError('transfer', sentence, { retryable: true, hint }));
  }
}

/** Requests no content coding, because responses with one are refused. */
function requestText(url: URL, headers: Record<string, string>): string {
  const all = { host: url.host, ...headers, 'accept-encoding': 'identity', connection: 'close' };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

function cutOff(url: URL): Hyper2kvmError {
  return new Hyper2kvmError('transfer', `The connection to ${url.host} ended before the file was complete.`, {
    retryable: true,
    hint: 'Check the network to that host.',
  });
}

function brokenAnswer(url: URL, cause: HttpSyntaxError): Hyper2kvmError {
  return new Hyper2kvmError('transfer', `${url.host} sent a download with invalid HTTP: ${cause.message}.`, {
    cause,
    retryable: true,
    hint: 'A device between the two hosts may change the data.',
  });
}

function refusedDownload(status: number, url: URL): Hyper2kvmError {
  // 404 and 410 mean that the lease has ended; a new lease has new URLs. A host rejects a ticket with 401 or 403.
  const known: Partial<Record<number, { retryable: boolean; hint: string }>> = {
    401: { retryable: false, hint: `${url.hostname} refused the ticket of the lease.` },
    403: {
      retryable: false,
      hint: `${url.hostname} refused the ticket of the lease, or a proxy in front of it this host.`,
    },
    404: { retryable: true, hint: 'The lease has ended, and its URLs with it.' },
    410: { retryable: true, hint: 'The lease has ended, and its URLs with it.' },
  };
  const sentence = `${url.host} answered a disk's download with HTTP status ${status}.`;
  return new Hyper2kvmError('transfer', sentence, known[status] ?? factsOfStatus(status, url.host));
}
