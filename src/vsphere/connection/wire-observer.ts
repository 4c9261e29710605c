/**
 * Observes the traffic with the server, for diagnosis. The observer never receives protocol secrets (login passwords,
 * session cookies and keys, tickets); see `session/wire-secrets.ts`.
 */
export interface WireObserver {
  /**
   * Removes the user's secrets from a text. It runs before the search for protocol secrets: if a password contains `<`,
   * a pattern would replace only its first half, and the rest would no longer be recognized.
   */
  mask(text: string): string;
  onCall(call: WireCall): void;
  onDownload(download: WireDownload): void;
  onNfc(connection: WireNfc): void;
  onRetry(retry: WireRetry): void;
}

/** Fields common to all exchanges. */
interface WireExchange {
  url: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
  durationMs: number;
  /** HTTP status; undefined when no response arrived. */
  status: number | undefined;
  /** Why it failed, in one sentence; undefined on success. */
  failure: string | undefined;
}

/** One SOAP call, or the GET of the list of API versions. */
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
  /** The bodies. They are masked on demand, because masking a long body takes time. */
  request: () => string;
  answer: () => string | undefined;
}

/** The download of one file of a lease. All durations count from `startedAt`. */
export interface WireDownload extends WireExchange {
  /** Time until the TLS connection was open and its certificate verified. */
  connectMs: number | undefined;
  /** Time until the first byte of the body. */
  firstByteMs: number | undefined;
  /** Bytes of the body. */
  bodyBytes: number;
  /** Request line and headers. */
  requestHead: string;
  /** Header lines of the response; empty when no response arrived. */
  responseHead: readonly string[];
  /**
   * Up to the first KiB of a streamOptimized VMDK: its header and descriptor. Empty for every other file, whose first
   * bytes may be guest data.
   */
  bodyStart: Uint8Array;
}

/** One connection for random-access reads of a disk, from its start to its end. */
export interface WireNfc {
  /** `host:port`. */
  host: string;
  /** `[datastore] folder/name.vmdk`. */
  file: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
  durationMs: number;
  /** Version of the host's NFC library; undefined before the host has named it. */
  version: number | undefined;
  /** Time until the file was open; undefined if it was not. */
  connectMs: number | undefined;
  requests: number;
  /** Bytes of all messages of the host, after TLS. */
  receivedBytes: number;
  /** Bytes of disk content, unpacked. */
  contentBytes: number;
  /** Why it failed, in one sentence; undefined on success. */
  failure: string | undefined;
}

/** A request that is about to be retried. */
export interface WireRetry {
  /** The SOAP method, or another description of what is retried. */
  what: string;
  /** Number of the failed attempt, starting at 1. */
  attempt: number;
  waitMs: number;
  reason: string;
}
