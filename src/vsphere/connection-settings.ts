/** Where and how to log in. Made by `resolveConnectionSettings`; holds the one copy of the password. */
export interface ConnectionSettings {
  /** `https://host[:port]/sdk`, without user or password. */
  url: URL;
  username: string;
  /** Asked for once, when a login is about to be made: may read a file or prompt. */
  password: () => Promise<string>;
  trust: TrustSettings;
  /** Limit for one call to the server, in milliseconds. */
  timeoutMs: number;
}

/** What is trusted besides, or instead of, the system's certificate authorities. */
export interface TrustSettings {
  /** Skip verification. The caller has warned. */
  insecure: boolean;
  /** SHA-1 or SHA-256 of the server's certificate, hex with or without colons; pins it. */
  thumbprint: string | undefined;
  /** PEM files whose certificates are trusted in addition to the system's. */
  caFiles: string[];
  /** PEM files (GOVC_TLS_CA_CERTS) that are trusted in place of the system's, as govc does. */
  onlyCaFiles: string[];
  /** Files of lines `host[:port] thumbprint` (GOVC_TLS_KNOWN_HOSTS). */
  knownHostsFiles: string[];
}
