import type { TLSSocket } from 'node:tls';
import { Hyper2kvmError } from '../base/errors.ts';
import type { CertificateTrust } from './certificate-trust.ts';
import { connectionError } from './connection-failure.ts';
import { HttpResponseParser, HttpSyntaxError, type ResponseHead } from './http-response-parser.ts';
import { TrustedConnector } from './trusted-socket.ts';

export interface HttpAnswer extends ResponseHead {
  body: string;
}

export interface HttpCall {
  url: URL;
  headers: Record<string, string>;
  /** A POST with this body, or a GET without one. */
  body?: string;
  /** Limit for the whole call: connecting, the request and the last byte of the answer. */
  timeoutMs: number;
  signal: AbortSignal;
}

/**
 * The longest answer that is read. The hardware of 4,000 VMs in one page is as long. A longer answer is a fault of the server, and to parse it takes 15 times its
 * size in memory.
 */
export const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/**
 * The HTTP of this client: verified TLS, no redirects (a session must not follow one), no retries of its own, and one connection for each call. A kept one that the
 * server closes in just the wrong moment fails a call that may not be repeated, and calls are few.
 */
export class HttpTransport {
  readonly trust: CertificateTrust;
  /** For downloads, which read their socket themselves. */
  readonly connector: TrustedConnector;

  constructor(trust: CertificateTrust) {
    this.trust = trust;
    this.connector = new TrustedConnector(trust);
  }

  /** Sends one small request and reads its whole answer, whatever its status. */
  async send({ url, headers, body, timeoutMs, signal }: HttpCall): Promise<HttpAnswer> {
    const overdue = new AbortController();
    const timer = setTimeout(() => overdue.abort(noAnswer(url, timeoutMs)), timeoutMs);
    const limited = AbortSignal.any([signal, overdue.signal]);
    let socket: TLSSocket | undefined;
    try {
      socket = await this.connector.connect(url, { limitMs: timeoutMs, signal });
      limited.throwIfAborted();
      const method = body === undefined ? 'GET' : 'POST';
      return await exchange(socket, { url, request: requestText(method, url, headers, body), signal: limited });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof HttpSyntaxError) throw brokenAnswer(url, error);
      throw connectionError(error, url);
    } finally {
      clearTimeout(timer);
      socket?.destroy();
    }
  }
}

/** A request with all its headers. Answers in another coding than the plain one are refused, so none is asked for. */
export function requestText(method: 'GET' | 'POST', url: URL, headers: Record<string, string>, body = ''): string {
  const all = {
    host: url.host,
    ...headers,
    'accept-encoding': 'identity',
    ...(method === 'POST' ? { 'content-length': String(Buffer.byteLength(body)) } : {}),
    connection: 'close',
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

/** Writes the request and reads the answer to its end. The socket's end is the caller's. */
function exchange(
  socket: TLSSocket,
  { url, request, signal }: { url: URL; request: string; signal: AbortSignal },
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    let head: ResponseHead | undefined;
    const pieces: Buffer[] = [];
    let bytes = 0;
    const parser = new HttpResponseParser(
      (arrived) => (head = arrived),
      (piece) => {
        bytes += piece.length;
        if (bytes > MAX_ANSWER_BYTES) throw new HttpSyntaxError('the answer is longer than 64 MiB');
        pieces.push(piece);
      },
    );
    const settle = (isDone: boolean): void => {
      if (isDone && head) resolve({ ...head, body: Buffer.concat(pieces).toString('utf8') });
      else reject(cutOff(url));
    };
    socket.on('data', (chunk: Buffer) => {
      try {
        parser.feed(chunk);
        if (parser.isDone) settle(true);
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
        socket.destroy();
      }
    });
    socket.on('error', reject);
    socket.on('end', () => settle(parser.end()));
    socket.on('close', () => settle(parser.end()));
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    socket.write(request);
  });
}

function brokenAnswer(url: URL, cause: HttpSyntaxError): Hyper2kvmError {
  return new Hyper2kvmError('transfer', `${url.host} sent an answer that is not valid HTTP: ${cause.message}.`, {
    cause,
    retryable: true,
    hint: 'Check that the address is that of a vCenter or ESXi host, and that no proxy answers in its place.',
  });
}

function cutOff(url: URL): Hyper2kvmError {
  return new Hyper2kvmError('transfer', `The connection to ${url.host} ended before the answer was complete.`, {
    retryable: true,
    hint: 'Check the line to that host, and whether a proxy or firewall is between.',
  });
}

function noAnswer(url: URL, limitMs: number): Hyper2kvmError {
  const sentence = `${url.host} did not answer in time: no complete answer within ${Math.round(limitMs / 1000)} seconds.`;
  return new Hyper2kvmError('transfer', sentence, {
    retryable: true,
    hint: 'Check the address and the way to it; --timeout gives a slow server more time.',
  });
}
