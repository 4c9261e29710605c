import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { basename } from 'node:path';
import { selfSignedCertificate, thumbprintOf } from '../server/certificate.ts';
import { HttpsEndpoint } from '../server/https-endpoint.ts';
import { readTrace, type RecordedCall, type RecordedDownload, type Trace } from './read-trace.ts';

export interface ReplayOptions {
  /** Files that the trace does not contain, by the last part of their URL: a path, or the content itself. */
  bodies?: Readonly<Record<string, string | Buffer>>;
}

/** A server that replays the answers of a trace. It accepts any login. */
export interface ReplayServer extends AsyncDisposable {
  readonly url: URL;
  readonly username: string;
  readonly password: string;
  readonly thumbprint: { sha256: string };
  /** Requests without an answer in the trace. Tests expect this to be empty. */
  readonly unanswered: readonly string[];
}

/** Serves the trace in `folder` on a free port. */
export async function startReplayServer(folder: string, { bodies = {} }: ReplayOptions = {}): Promise<ReplayServer> {
  const trace = await readTrace(folder);
  const certificate = selfSignedCertificate({ commonName: 'localhost', hosts: ['localhost', '127.0.0.1'] });
  const pem = certificate.certificatePem;
  const replay = new Replay(trace, bodies, pem);
  const endpoint: HttpsEndpoint = new HttpsEndpoint(certificate, (request, response) =>
    replay.answer(request, response, endpoint.authority),
  );
  await endpoint.listen({ host: '127.0.0.1', port: 0 });
  return {
    url: new URL(`https://${endpoint.authority}/sdk`),
    username: 'replay@vsphere.local',
    password: 'replayed',
    thumbprint: { sha256: thumbprintOf(pem, 'sha256') },
    unanswered: replay.unanswered,
    [Symbol.asyncDispose]: () => endpoint.close(),
  };
}

class Replay {
  readonly unanswered: string[] = [];
  readonly #trace: Trace;
  readonly #bodies: NonNullable<ReplayOptions['bodies']>;
  readonly #pem: string;
  readonly #used = new Set<RecordedCall | RecordedDownload>();

  constructor(trace: Trace, bodies: NonNullable<ReplayOptions['bodies']>, pem: string) {
    this.#trace = trace;
    this.#bodies = bodies;
    this.#pem = pem;
  }

  async answer(request: IncomingMessage, response: ServerResponse, authority: string): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'https://host');
    const body = await readBody(request);
    const method = request.method === 'POST' ? (/<\w*:?Body>\s*<(\w+)/.exec(body)?.[1] ?? '') : basename(pathname);
    const call = this.#callFor(method, body);
    if (call !== undefined) return this.#sendCall(call, request, response, authority);
    const download = request.method === 'GET' ? this.#downloadFor(pathname) : undefined;
    if (download !== undefined) return this.#sendDownload(download, request, response);
    this.unanswered.push(`${request.method} ${method}`);
    response.writeHead(501).end();
  }

  /**
   * Returns the next recorded call with the same request. When all are used, returns the last one again, because the
   * number of polls depends on the client's speed.
   * If no request is equal, returns the next call of the same method: snapshot names and times differ between runs.
   */
  #callFor(method: string, body: string): RecordedCall | undefined {
    const ofMethod = this.#trace.calls.filter((call) => call.method === method);
    const same = ofMethod.filter(({ request }) => comparable(request) === comparable(body));
    const found =
      same.find((call) => !this.#used.has(call)) ?? same.at(-1) ?? ofMethod.find((call) => !this.#used.has(call));
    if (found !== undefined) this.#used.add(found);
    return found;
  }

  #downloadFor(pathname: string): RecordedDownload | undefined {
    const ofFile = this.#trace.downloads.filter(({ url }) => url.pathname === pathname);
    const found = ofFile.find((download) => !this.#used.has(download)) ?? ofFile.at(-1);
    if (found !== undefined) this.#used.add(found);
    return found;
  }

  #sendCall(call: RecordedCall, request: IncomingMessage, response: ServerResponse, authority: string): void {
    if (call.status === undefined) return void request.socket.destroy();
    if (call.setCookies.length > 0) response.setHeader('set-cookie', call.setCookies);
    response.writeHead(call.status, { 'content-type': 'text/xml; charset="utf-8"' });
    response.end(this.#withOwnAddress(call.answer, authority));
  }

  /** Replaces the recorded address and thumbprint, so that the client downloads from this server and trusts its certificate. */
  #withOwnAddress(answer: string, authority: string): string {
    const hosts = new Set([...this.#trace.calls, ...this.#trace.downloads].map(({ url }) => url.host));
    let text = answer;
    for (const host of hosts) text = text.replaceAll(`https://${host}/`, `https://${authority}/`);
    return text
      .replace(/(<sslThumbprint>)[^<]+/g, `$1${thumbprintOf(this.#pem, 'sha1')}`)
      .replace(/(<sslCertificate>)[^<]+/g, (_all, tag: string) => tag + this.#pem);
  }

  /** Sends as many bytes as were recorded. A download that broke off does so again. */
  async #sendDownload(download: RecordedDownload, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url, status, headers, bodyBytes } = download;
    if (status === undefined) return void request.socket.destroy();
    const file = this.#bodies[basename(url.pathname)];
    if (status !== 200) return void response.writeHead(status).end();
    if (file === undefined) {
      this.unanswered.push(`the bytes of ${basename(url.pathname)}`);
      return void response.writeHead(501).end();
    }
    const content = typeof file === 'string' ? await readFile(file) : file;
    const length = headers['content-length'];
    response.writeHead(200, length === undefined ? {} : { 'content-length': length });
    const isComplete = content.length <= bodyBytes;
    response.write(content.subarray(0, bodyBytes), () => (isComplete ? response.end() : request.socket.destroy()));
  }
}

/** Removes what differs between runs: the account and the session IDs, which a trace does not contain. */
function comparable(request: string): string {
  return request.replace(/<(userName|password|sessionId)>[^<]*/g, '<$1>').trim();
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(request, 'end');
  return Buffer.concat(chunks).toString('utf8');
}
