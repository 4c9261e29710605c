import got, { RequestError, type PlainResponse, type Request } from 'got';
import { Agent } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { Hyper2kvmError } from '../../base/errors.ts';
import type { CertificateTrust } from '../connection/certificate-trust.ts';
import { connectionError } from '../connection/connection-failure.ts';
import { codingRefusal, HttpSyntaxError } from '../connection/http-response-parser.ts';
import { TrustedConnector } from '../connection/trusted-socket.ts';

export interface HttpAnswer {
  status: number;
  /** The values of `Set-Cookie`. */
  setCookies: readonly string[];
  body: string;
}

export interface HttpCall {
  url: URL;
  headers: Record<string, string>;
  /** With a body, the call is a POST, otherwise a GET. */
  body?: string;
  /** Limit for the whole call: from connecting to the last byte of the response. */
  timeoutMs: number;
  signal: AbortSignal;
}

/**
 * The longest response that is read: the size of a page with the hardware of 4,000 VMs. A longer response is a server
 * error, and parsing takes 15 times its size in memory.
 */
export const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** Limit for the response head and for the trailer: four times Node's default. */
const MAX_HEAD_BYTES = 64 * 1024;
/** An ordinary request gets no interim response; a proxy adds one or two. */
const MAX_INTERIM_RESPONSES = 8;

/** The codes that Node and got use for a truncated response. */
const CUT_OFF_CODES = new Set(['ECONNRESET', 'ERR_HTTP_CONTENT_LENGTH_MISMATCH']);

/** No redirects, because a session must not follow them. No retries in got: `passing-failure.ts` decides what may be repeated. */
const client = got.extend({
  retry: { limit: 0 },
  throwHttpErrors: false,
  followRedirect: false,
  decompress: false,
  maxHeaderSize: MAX_HEAD_BYTES,
  headers: { 'user-agent': undefined, 'accept-encoding': 'identity' },
});

/**
 * Sends the small calls of this client with got over verified TLS. Each call has its own connection: a server can close
 * a kept-alive connection at the wrong moment, which fails a call that may not be repeated. Calls are few, so the cost
 * is low. The connection is opened and closed here, so that the time limits include it.
 */
export class HttpTransport {
  readonly trust: CertificateTrust;
  /** For downloads, which read their sockets directly. */
  readonly connector: TrustedConnector;

  constructor(trust: CertificateTrust) {
    this.trust = trust;
    this.connector = new TrustedConnector(trust);
  }

  /** Sends one small request and returns its complete response, with any status. */
  async send({ url, headers, body, timeoutMs, signal }: HttpCall): Promise<HttpAnswer> {
    /** Aborted with the reason for cancelling the call. */
    const giveUp = new AbortController();
    const timer = setTimeout(() => giveUp.abort(noAnswer(url, timeoutMs)), timeoutMs);
    const limited = AbortSignal.any([signal, giveUp.signal]);
    let socket: TLSSocket | undefined;
    let socketError: Error | undefined;
    try {
      socket = await this.connector.connect(url, { limitMs: timeoutMs, signal });
      limited.throwIfAborted();
      socket.on('error', (error) => (socketError = error));
      const request = client.stream(url, {
        method: body === undefined ? 'GET' : 'POST',
        headers,
        ...(body === undefined ? {} : { body }),
        agent: { https: new SocketAgent(socket, url) },
        signal: limited,
      });
      return await readAnswer(request, (reason) => giveUp.abort(reason));
    } catch (error) {
      signal.throwIfAborted();
      // The original cause takes precedence over the error that got derives from it.
      throw failureOf(error instanceof Hyper2kvmError ? error : (giveUp.signal.reason ?? socketError ?? error), url);
    } finally {
      clearTimeout(timer);
      socket?.destroy();
    }
  }
}

/** Gives its single request a connection that is already open. */
class SocketAgent extends Agent {
  readonly #socket: TLSSocket;
  readonly #url: URL;

  constructor(socket: TLSSocket, url: URL) {
    super({ keepAlive: false });
    this.#socket = socket;
    this.#url = url;
  }

  override createConnection(): TLSSocket {
    // Node would wait for socket events that have already fired.
    if (this.#socket.destroyed) throw cutOff(this.#url);
    return this.#socket;
  }
}

/** Reads the response to its end. Memory is limited to the size of the longest response, for any chunk sizes. `refuse` ends the request. */
async function readAnswer(request: Request, refuse: (reason: unknown) => void): Promise<HttpAnswer> {
  let response: PlainResponse | undefined;
  let interimResponses = 0;
  request.on('information', () => {
    interimResponses += 1;
    if (interimResponses > MAX_INTERIM_RESPONSES) refuse(new HttpSyntaxError('it has no end of interim responses'));
  });
  request.on('upgrade', () => refuse(new HttpSyntaxError('a change of the protocol was not asked for')));
  request.on('response', (arrived: PlainResponse) => {
    response = arrived;
    const reason = codingRefusal(arrived.headers['content-encoding'], arrived.headers['transfer-encoding']);
    if (reason) refuse(reason);
  });
  // An error after the end of the response has no effect.
  request.on('error', () => undefined);
  const body = new ArrayBuffer(0, { maxByteLength: MAX_ANSWER_BYTES });
  try {
    const pieces: AsyncIterable<Buffer> = request;
    for await (const piece of pieces) {
      const at = body.byteLength;
      if (at + piece.length > MAX_ANSWER_BYTES) throw new HttpSyntaxError('the response is longer than 64 MiB');
      body.resize(at + piece.length);
      new Uint8Array(body, at).set(piece);
    }
  } finally {
    request.destroy();
  }
  if (!response) throw new HttpSyntaxError('it has no head');
  const setCookies = response.headers['set-cookie'] ?? [];
  return { status: response.statusCode, setCookies, body: Buffer.from(body).toString('utf8') };
}

/**
 * Converts a failed request into an error for the user. An error from got contains the request with its password or
 * session, so it is never kept as a cause.
 */
function failureOf(error: unknown, url: URL): Error {
  if (error instanceof HttpSyntaxError) return brokenAnswer(url, error);
  if (!(error instanceof RequestError)) return connectionError(error, url);
  if (error.code.startsWith('HPE_')) return brokenAnswer(url, syntaxErrorOf(error));
  // Without a socket error, the server closed the connection cleanly.
  if (CUT_OFF_CODES.has(error.code)) return cutOff(url);
  return connectionError(error.cause ?? error.message, url);
}

/** Why Node's parser rejected the response. The parser's error contains the raw bytes, which may include a session, so it is not kept. */
function syntaxErrorOf({ code, message, response }: RequestError): HttpSyntaxError {
  if (code !== 'HPE_HEADER_OVERFLOW') return new HttpSyntaxError(message);
  return new HttpSyntaxError(`the ${response ? 'trailer' : 'head'} of the response is too long`);
}

function brokenAnswer(url: URL, cause: HttpSyntaxError): Hyper2kvmError {
  return new Hyper2kvmError('transfer', `${url.host} sent a response that is not valid HTTP: ${cause.message}.`, {
    cause,
    retryable: true,
    hint: 'Check that the address is that of a vCenter or ESXi host, and that no proxy answers instead.',
  });
}

function cutOff(url: URL): Hyper2kvmError {
  return new Hyper2kvmError('transfer', `The connection to ${url.host} ended before the response was complete.`, {
    retryable: true,
    hint: 'Check the network to that host, and whether a proxy or firewall is in between.',
  });
}

function noAnswer(url: URL, limitMs: number): Hyper2kvmError {
  const sentence = `${url.host} did not respond in time: no complete response within ${Math.round(limitMs / 1000)} seconds.`;
  return new Hyper2kvmError('transfer', sentence, {
    retryable: true,
    hint: 'Check the address and the route to it; --timeout gives a slow server more time.',
  });
}
