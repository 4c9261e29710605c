import { RequestError } from 'got';
import type { IncomingMessage } from 'node:http';
import { Hyper2kvmError } from '../base/errors.ts';
import { CONNECT_LIMIT_MS, connectionError } from './http-transport.ts';
import type { LeaseDevice } from './nfc-lease.ts';
import type { VsphereClient } from './vsphere-client.ts';

export interface DownloadLimits {
  /** Without a byte for so long, the download is cut. Waiting for the first byte counts too. */
  stallTimeoutMs: number;
}

/**
 * Downloads one file of a lease as it comes: chunks in order, at the pace of the reader. Ends normally only when the server said that the
 * body is whole.
 * @throws Hyper2kvmError `transfer`, retryable for what can pass; `tls-trust`; the signal's reason. The connection is closed on
 * every way out.
 */
export async function* downloadDevice(
  client: VsphereClient,
  device: LeaseDevice,
  { stallTimeoutMs }: DownloadLimits,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const { url } = device;
  if (url.protocol !== 'https:') {
    throw new Hyper2kvmError('tls-trust', `${client.server} offers ${device.key} over ${url.protocol}// only.`, {
      hint: 'Switch HTTPS on for NFC on that host.',
    });
  }
  if (device.sslThumbprint) client.http.trust.trustThumbprint(url, device.sslThumbprint);
  const stall = new StallWatch(stallTimeoutMs, url);
  const cookie = client.cookie.headerFor(url);
  const stream = client.http.got.stream(url, {
    headers: cookie === undefined ? {} : { cookie },
    timeout: { connect: CONNECT_LIMIT_MS, secureConnect: CONNECT_LIMIT_MS },
    signal: AbortSignal.any([signal, stall.signal]),
  });
  stream.once('response', (response: IncomingMessage) => {
    if (response.statusCode !== 200) stream.destroy(refusedDownload(response.statusCode ?? 0, url));
  });
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      stall.pause();
      yield chunk;
      stall.resume();
    }
  } catch (error) {
    signal.throwIfAborted();
    stall.signal.throwIfAborted();
    throw error instanceof RequestError || !(error instanceof Hyper2kvmError) ? connectionError(error, url) : error;
  } finally {
    stall.end();
    stream.destroy();
  }
}

/** Aborts its signal when nothing has come for too long while the reader was waiting. */
class StallWatch {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #waiting = true;

  constructor(limitMs: number, url: URL) {
    this.#timer = setTimeout(() => {
      if (!this.#waiting) return;
      const sentence = `${url.host} sent nothing for ${Math.round(limitMs / 1000)} seconds.`;
      const hint = 'The connection stalled; --stall-timeout waits longer.';
      this.#controller.abort(new Hyper2kvmError('transfer', sentence, { retryable: true, hint }));
    }, limitMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The reader is busy: the silence is its own. */
  pause(): void {
    this.#waiting = false;
  }

  resume(): void {
    this.#waiting = true;
    this.#timer.refresh();
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

function refusedDownload(status: number, url: URL): Hyper2kvmError {
  return new Hyper2kvmError('transfer', `${url.host} answered a disk's download with HTTP status ${status}.`, {
    // 404 and 410 mean that the lease is gone: a new one has new addresses.
    retryable: status >= 500 || status === 404 || status === 410 || status === 429,
    hint: status === 403 ? 'The host refused the ticket of the lease.' : 'The host may be overloaded; try again later.',
  });
}
