/**
 * Sees what goes over the wire, for diagnosis. Everything that an observer gets is without secrets of the protocol (passwords of logins, session cookies and keys,
 * tickets): see `session/wire-secrets.ts`.
 *
 * Observers are called after the fact, must not throw and must return at once.
 */
export interface WireObserver {
  /**
   * Takes the secrets out of a text that the user gave. It is called before the protocol's secrets are looked for: of a password that contains `<` a pattern would
   * replace the first half, and the rest would no longer be known as a part of it.
   */
  mask(text: string): string;
  onCall(call: WireCall): void;
  onDownload(download: WireDownload): void;
  onRetry(retry: WireRetry): void;
}

/** What every exchange has. */
interface WireExchange {
  url: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
  durationMs: number;
  /** HTTP status; undefined when no answer came. */
  status: number | undefined;
  /** Why it failed, in one sentence; undefined when it did not. */
  failure: string | undefined;
}

/** One SOAP call, or the GET for the list of API versions. */
export interface WireCall extends WireExchange {
  /** The SOAP method. */
  method: string;
  soapAction: string | undefined;
  requestBytes: number;
  answerBytes: number;
  /** Type of the SOAP fault, such as `InvalidLogin`. */
  fault: string | undefined;
  /** The values of `Set-Cookie`. */
  setCookies: readonly string[];
  /** The bodies. They are masked when they are asked for, since that takes a while for long ones. */
  request: () => string;
  answer: () => string | undefined;
}

/** The download of one file of a lease. All times count from `startedAt`. */
export interface WireDownload extends WireExchange {
  /** Time until the TLS connection was open and its certificate trusted. */
  connectMs: number | undefined;
  /** Time until the first byte of the body. */
  firstByteMs: number | undefined;
  /** Bytes of the body. */
  bodyBytes: number;
  /** Request line and headers. */
  requestHead: string;
  /** Header lines of the response; an empty list when none came. */
  responseHead: readonly string[];
  /**
   * Up to the first KiB of a streamOptimized VMDK, which is its header and descriptor. Empty for every other file, whose first bytes may be content of the guest.
   */
  bodyStart: Uint8Array;
}

/** A request that is about to be repeated. */
export interface WireRetry {
  /** The SOAP method, or what else is repeated. */
  what: string;
  /** The attempt that failed, from 1. */
  attempt: number;
  waitMs: number;
  reason: string;
}
