import got, { RequestError, TimeoutError, type Got } from 'got';
import type { IncomingHttpHeaders } from 'node:http';
import { Hyper2kvmError } from '../base/errors.ts';
import type { CertificateTrust } from './certificate-trust.ts';
import { TrustedConnector } from './trusted-socket.ts';
import { TrustingAgent } from './trusting-agent.ts';

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface HttpCall {
  url: URL;
  headers: Record<string, string>;
  /** A POST with this body, or a GET without one. */
  body?: string;
  timeoutMs: number;
  signal: AbortSignal;
}

/** Connecting and shaking hands take at most so long, whatever the limit of the whole call. */
export const CONNECT_LIMIT_MS = 15_000;

/** The HTTP of this client: verified TLS, no redirects (a session must not follow one), no retries of its own. */
export class HttpTransport {
  readonly trust: CertificateTrust;
  /** For downloads, which read their socket themselves. */
  readonly connector: TrustedConnector;
  readonly #got: Got;

  constructor(trust: CertificateTrust) {
    this.trust = trust;
    this.connector = new TrustedConnector(trust);
    this.#got = got.extend({
      agent: { https: new TrustingAgent(this.connector) },
      retry: { limit: 0 },
      throwHttpErrors: false,
      followRedirect: false,
      decompress: false,
    });
  }

  /** Sends one small request and reads its whole answer, whatever its status. */
  async send({ url, headers, body, timeoutMs, signal }: HttpCall): Promise<HttpAnswer> {
    try {
      const response = await this.#got(url, {
        method: body === undefined ? 'GET' : 'POST',
        headers,
        ...(body === undefined ? {} : { body }),
        timeout: { connect: CONNECT_LIMIT_MS, secureConnect: CONNECT_LIMIT_MS, request: timeoutMs },
        signal,
      });
      return { status: response.statusCode, headers: response.headers, body: response.body };
    } catch (error) {
      signal.throwIfAborted();
      throw connectionError(error, url);
    }
  }
}

/** What a failed request means to the user. An error of our own that travelled inside got's comes out again as it was. */
export function connectionError(error: unknown, url: URL): Error {
  const own = ownErrorIn(error);
  if (own) return own;
  const code = error instanceof RequestError ? error.code : undefined;
  if (error instanceof TimeoutError) {
    return new Hyper2kvmError('transfer', `${url.host} did not answer in time (${error.event}).`, {
      cause: error,
      retryable: true,
      hint: 'Check the address and the way to it; --timeout gives a slow server more time.',
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new Hyper2kvmError('transfer', `The connection to ${url.host} failed: ${code ?? message}${explain(code)}.`, {
    cause: error,
    retryable: code !== 'ENOTFOUND',
    hint: 'Check the address, the port and the way to it.',
  });
}

function ownErrorIn(error: unknown): Hyper2kvmError | undefined {
  for (let inner = error; inner instanceof Error; inner = inner.cause) {
    if (inner instanceof Hyper2kvmError) return inner;
  }
  return undefined;
}

function explain(code: string | undefined): string {
  const meanings: Record<string, string> = {
    ECONNREFUSED: ' (nothing listens there)',
    ECONNRESET: ' (the other side cut it)',
    ENOTFOUND: ' (no such host name)',
    EAI_AGAIN: ' (the name server did not answer)',
    EHOSTUNREACH: ' (no way to that host)',
    ENETUNREACH: ' (no way to that network)',
    EPIPE: ' (the other side cut it)',
  };
  return (code && meanings[code]) ?? '';
}
