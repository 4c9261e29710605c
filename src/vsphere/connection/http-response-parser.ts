/** Limit for the response head: four times the default limit of Node's HTTP parser. */
const MAX_HEAD_BYTES = 64 * 1024;
/** RFC 9112 section 7.1: a chunk's size in hex (a disk has fewer than 2^53 bytes), its extensions, CRLF. */
const MAX_CHUNK_LINE_BYTES = 4096;
const MAX_TRAILER_BYTES = 16 * 1024;
/** An ordinary request gets no interim response; a proxy adds one or two. */
const MAX_INTERIM_RESPONSES = 8;

const LF = 10;

/** What the parser expects next. `close` is a body that ends when the connection closes. */
type State = 'head' | 'length' | 'close' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'trailer' | 'done';

/** The head of a response. */
export interface ResponseHead {
  status: number;
  /** Names in lower case; the values of a repeated header are joined by commas. */
  headers: ReadonlyMap<string, string>;
  /** The values of `Set-Cookie`, which cannot be joined (RFC 9110 section 5.3). */
  setCookies: readonly string[];
}

/** The response violates HTTP/1.1. */
export class HttpSyntaxError extends Error {
  override readonly name = 'HttpSyntaxError';
}

/**
 * Parses one HTTP/1.1 response (RFC 9112) from chunks of any size, and passes on the parts of its body without copying
 * them. It supports only what a download needs: no pipelining and no content codings. It skips a limited number of
 * interim responses (1xx). The parser's memory and its time per byte are bounded for any input; the caller enforces
 * time limits.
 */
export class HttpResponseParser {
  readonly #onHead: (head: ResponseHead) => void;
  readonly #onBody: (piece: Buffer) => void;
  #state: State = 'head';
  /** An incomplete line. */
  #pending = '';
  /** The header lines so far, and their total length. */
  #headLines: string[] = [];
  #headBytes = 0;
  #interimResponses = 0;
  #trailerBytes = 0;
  /** Bytes still to come of the body or the current chunk. */
  #left = 0;

  /** `onBody` receives views into the input buffer, which are valid only during the call. */
  constructor(onHead: (head: ResponseHead) => void, onBody: (piece: Buffer) => void) {
    this.#onHead = onHead;
    this.#onBody = onBody;
  }

  /** True when the complete response has arrived. */
  get isDone(): boolean {
    return this.#state === 'done';
  }

  /**
   * Parses the next bytes of the connection.
   * @throws HttpSyntaxError
   */
  feed(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      switch (this.#state) {
        case 'length':
        case 'chunk-data':
          at = this.#feedCounted(bytes, at);
          break;
        case 'close':
          this.#onBody(bytes.subarray(at));
          return;
        case 'done':
          throw new HttpSyntaxError('bytes follow the end of the response');
        case 'head':
        case 'chunk-size':
        case 'chunk-end':
        case 'trailer':
          at = this.#feedLine(bytes, at);
          break;
      }
    }
  }

  /** Call when the connection has closed cleanly. Returns true when the response is complete. */
  end(): boolean {
    if (this.#state === 'close') this.#state = 'done';
    return this.#state === 'done';
  }

  #feedCounted(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    this.#onBody(bytes.subarray(at, end));
    if (this.#left === 0) this.#state = this.#state === 'length' ? 'done' : 'chunk-end';
    return end;
  }

  #feedLine(bytes: Buffer, at: number): number {
    const newline = bytes.indexOf(LF, at);
    const end = newline === -1 ? bytes.length : newline + 1;
    this.#pending += bytes.toString('latin1', at, end);
    const isHead = this.#state === 'head';
    if (isHead) this.#headBytes += end - at;
    if (isHead ? this.#headBytes > MAX_HEAD_BYTES : this.#pending.length > MAX_CHUNK_LINE_BYTES) {
      throw new HttpSyntaxError(`the ${this.#state} of the response is too long`);
    }
    if (newline !== -1) this.#takeLine();
    return end;
  }

  #takeLine(): void {
    const line = this.#pending.slice(0, this.#pending.endsWith('\r\n') ? -2 : -1);
    this.#pending = '';
    if (this.#state === 'head') {
      // An empty line ends the head.
      if (line === '') this.#takeHead();
      else this.#headLines.push(line);
    } else if (this.#state === 'chunk-size') this.#takeChunkSize(line);
    else if (this.#state === 'chunk-end') {
      if (line !== '') throw new HttpSyntaxError('a chunk is longer than its size says');
      this.#state = 'chunk-size';
    } else this.#takeTrailer(line);
  }

  #takeChunkSize(line: string): void {
    const hex = /^([0-9a-f]{1,13})[ \t]*(;.*)?$/i.exec(line)?.[1];
    if (hex === undefined) throw new HttpSyntaxError(`${quoted(line)} is not the size of a chunk`);
    this.#left = Number.parseInt(hex, 16);
    this.#state = this.#left === 0 ? 'trailer' : 'chunk-data';
  }

  #takeTrailer(line: string): void {
    this.#trailerBytes += line.length;
    if (this.#trailerBytes > MAX_TRAILER_BYTES) throw new HttpSyntaxError('the trailer of the response is too long');
    if (line === '') this.#state = 'done';
  }

  #takeHead(): void {
    const head = parseHead(this.#headLines);
    this.#headLines = [];
    this.#headBytes = 0;
    // RFC 9110 section 15.2: interim responses precede the final one. 101 would require an upgrade, which was not requested.
    if (head.status >= 100 && head.status < 200 && head.status !== 101) {
      this.#interimResponses += 1;
      if (this.#interimResponses > MAX_INTERIM_RESPONSES)
        throw new HttpSyntaxError('it has no end of interim responses');
      return;
    }
    this.#state = this.#bodyState(head);
    this.#onHead(head);
  }

  /** RFC 9112 section 6.3. */
  #bodyState({ status, headers }: ResponseHead): State {
    const coding = headers.get('transfer-encoding');
    const length = headers.get('content-length');
    const refusal = codingRefusal(headers.get('content-encoding'), coding);
    if (refusal) throw refusal;
    if (status === 204 || status === 304) return 'done';
    if (coding !== undefined) {
      // Request smuggling uses responses with both; a correct server does not send them.
      if (length !== undefined) throw new HttpSyntaxError('the response has both a length and chunks');
      return 'chunk-size';
    }
    if (length === undefined) return 'close';
    if (!/^\d{1,15}$/.test(length)) throw new HttpSyntaxError(`${quoted(length)} is not a length`);
    this.#left = Number(length);
    return this.#left === 0 ? 'done' : 'length';
  }
}

function parseHead([statusLine = '', ...lines]: readonly string[]): ResponseHead {
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(statusLine)?.[1];
  if (status === undefined) throw new HttpSyntaxError(`${quoted(statusLine)} is not an HTTP/1.1 status line`);
  const headers = new Map<string, string>();
  const setCookies: string[] = [];
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase();
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) || line.includes('\r'))
      throw new HttpSyntaxError('a header line of the response is malformed');
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
    if (name === 'set-cookie') setCookies.push(value);
  }
  return { status: Number(status), headers, setCookies };
}

/**
 * Returns an error for a response with these codings. The request asks for no content coding, and the only accepted
 * transfer coding is `chunked`.
 */
export function codingRefusal(content = 'identity', transfer = 'chunked'): HttpSyntaxError | undefined {
  if (content.toLowerCase() !== 'identity')
    return new HttpSyntaxError(`content coding ${quoted(content.toLowerCase())} was not asked for`);
  if (transfer.toLowerCase() !== 'chunked')
    return new HttpSyntaxError(`transfer coding ${quoted(transfer.toLowerCase())} was not asked for`);
  return undefined;
}

/** The beginning of the server's data, quoted for a message. */
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 40));
}
