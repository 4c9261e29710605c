import { sentenceOf } from '../../base/errors.ts';
import { MASK } from '../../base/text/secret.ts';
import type { ResponseHead } from '../connection/http-response-parser.ts';
import { VsphereFault } from '../soap/fault.ts';
import type { HttpAnswer, HttpCall } from '../soap/http-transport.ts';
import type { WireNfc, WireObserver } from '../connection/wire-observer.ts';
import { WireSecrets } from './wire-secrets.ts';

/** For a stream that begins like a streamOptimized VMDK. */
const MOST_BODY_START_BYTES = 1024;
/** The magic number of a hosted sparse extent. */
const VMDK_MAGIC = Buffer.from('KDMV');

/** Measures the calls and downloads of one client and reports them, without secrets, to an observer. No other code calls the observer. */
export class WireWatch {
  readonly #observer: WireObserver;
  readonly #mask: (text: string) => string;

  constructor(observer: WireObserver) {
    this.#observer = observer;
    const secrets = new WireSecrets();
    this.#mask = (text) => secrets.mask(observer.mask(text));
  }

  /** Observes one call: `send` makes it, and `read` decodes its response. */
  async call<Result>(
    method: string,
    { url, headers, body = '' }: Pick<HttpCall, 'url' | 'headers' | 'body'>,
    send: () => Promise<HttpAnswer>,
    read: (answer: HttpAnswer) => Result,
  ): Promise<Result> {
    const mask = this.#mask;
    const startedAt = Date.now();
    const clock = performance.now();
    let durationMs: number | undefined;
    let answer: HttpAnswer | undefined;
    let error: unknown;
    try {
      answer = await send();
      durationMs = performance.now() - clock;
      return read(answer);
    } catch (reason) {
      error = reason;
      throw reason;
    } finally {
      // Learn the secrets of the response before anything is shown: a later line may quote them.
      const setCookies = (answer?.setCookies ?? []).map((line) => withoutValue(mask(line)));
      const text = answer?.body;
      this.#observer.onCall({
        method,
        url: mask(url.href),
        soapAction: headers['soapaction'],
        startedAt,
        durationMs: durationMs ?? performance.now() - clock,
        status: answer?.status,
        requestBytes: Buffer.byteLength(body),
        answerBytes: Buffer.byteLength(text ?? ''),
        fault: error instanceof VsphereFault ? error.faultType : undefined,
        failure: error === undefined ? undefined : mask(sentenceOf(error)),
        setCookies,
        request: () => mask(body),
        answer: () => (text === undefined ? undefined : mask(text)),
      });
    }
  }

  download(url: URL): DownloadWatch {
    return new DownloadWatch(this.#observer, this.#mask, url);
  }

  /** Observes one connection for random-access reads; `end` reports it, once. */
  nfc(begun: Pick<WireNfc, 'host' | 'file' | 'startedAt'>): {
    end: (end: Partial<Omit<WireNfc, 'failure'>> & { failure: unknown }) => void;
  } {
    const clock = performance.now();
    const nothing = { version: undefined, connectMs: undefined, requests: 0, receivedBytes: 0, contentBytes: 0 };
    return {
      end: ({ failure, ...facts }) =>
        this.#observer.onNfc({
          ...nothing,
          ...facts,
          ...begun,
          durationMs: performance.now() - clock,
          failure: failure === undefined ? undefined : this.#mask(sentenceOf(failure)),
        }),
    };
  }

  /** Reports a retry of `what`. */
  retry(what: string, attempt: number, waitMs: number, reason: unknown): void {
    this.#observer.onRetry({ what, attempt, waitMs, reason: this.#mask(sentenceOf(reason)) });
  }
}

/** Observes one download, from its start to {@link end}. */
export class DownloadWatch {
  readonly #observer: WireObserver;
  readonly #mask: (text: string) => string;
  readonly #url: string;
  readonly #startedAt = Date.now();
  readonly #clock = performance.now();
  #connectMs: number | undefined;
  #firstByteMs: number | undefined;
  #requestHead = '';
  #head: ResponseHead | undefined;
  #bodyBytes = 0;
  #bodyStart = Buffer.alloc(0);
  #hasEnded = false;

  constructor(observer: WireObserver, mask: (text: string) => string, url: URL) {
    this.#observer = observer;
    this.#mask = mask;
    this.#url = mask(url.href);
  }

  /** The connection is open and this request head is sent. */
  sent(requestHead: string): void {
    this.#connectMs = performance.now() - this.#clock;
    this.#requestHead = this.#mask(requestHead);
  }

  answered(head: ResponseHead): void {
    this.#head = head;
  }

  /** Reads the chunk only during this call. */
  arrived(piece: Uint8Array): void {
    this.#firstByteMs ??= performance.now() - this.#clock;
    this.#bodyBytes += piece.length;
    const room = MOST_BODY_START_BYTES - this.#bodyStart.length;
    if (room > 0) this.#bodyStart = Buffer.concat([this.#bodyStart, piece.subarray(0, room)]);
  }

  /** Reports the download, once. */
  end(failure: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const isVmdk = this.#bodyStart.subarray(0, VMDK_MAGIC.length).equals(VMDK_MAGIC);
    const headers = [...(this.#head?.headers ?? [])].filter(([name]) => name !== 'set-cookie');
    const setCookies = this.#head?.setCookies ?? [];
    this.#observer.onDownload({
      url: this.#url,
      startedAt: this.#startedAt,
      durationMs: performance.now() - this.#clock,
      status: this.#head?.status,
      failure: failure === undefined ? undefined : this.#mask(sentenceOf(failure)),
      connectMs: this.#connectMs,
      firstByteMs: this.#firstByteMs,
      bodyBytes: this.#bodyBytes,
      requestHead: this.#requestHead,
      responseHead: [
        ...headers.map(([name, value]) => this.#mask(`${name}: ${value}`)),
        ...setCookies.map((line) => `set-cookie: ${withoutValue(this.#mask(line))}`),
      ],
      bodyStart: isVmdk ? this.#bodyStart : new Uint8Array(),
    });
  }
}

/** Masks the value of a `Set-Cookie`, unless it is already a placeholder. */
function withoutValue(cookie: string): string {
  return cookie.replace(/^([^=;]*=)(?!"?REDACTED-)[^;]*/, `$1${MASK}`);
}
