/** When message 36 is sent: as soon as message 33 has arrived, or only after message 51 has arrived. */
type Message36 = 'at-once' | 'after-51';

/** Order of the fragments of reads. `mixed` takes the next fragment from any read in flight. */
export type FragmentOrder = 'in-order' | 'reversed' | 'mixed';

/** The NFC service: its SOAP methods, and an endpoint that speaks authd and NFC. All options have defaults. */
export interface NfcOptions {
  /** The port of the endpoint. Default: 0, any free port. */
  port?: number;
  /** The release that the defaults below follow. Default: `8.0`. */
  like?: '7.0.3' | '8.0';
  /**
   * Result of `NfcGetServerNfcLibVersion`, or `no-method` if the server does not have this method.
   * Default: 11, or 7 on 7.0.3.
   */
  libVersion?: number | 'no-method';
  /** The version in the server's message 51. Default: 11, or 9 on 7.0.3. */
  protocolVersion?: number;
  /** Default: `at-once`, or `after-51` on 7.0.3. */
  message36?: Message36;
  /** Whether the answer to a failed open follows its error. Default: false, or true on 7.0.3. */
  answerAfterFailedOpen?: boolean;
  /** Sum of the reads in flight that the host accepts, over all connections. Default: 96 MiB, or 48 MiB on 7.0.3. */
  memoryBytes?: number;
  /** Connections at a time. Default: 52. */
  maxConnections?: number;
  /**
   * Which messages must have a TLS record of their own. The host leaves what follows a message in its record unread until
   * the next record arrives. Default: `classic`, the messages of 264 bytes. `all` includes the frames.
   */
  oneMessagePerRecord?: 'no' | 'classic' | 'all';
  /** The words in the 220 line, without those that all hosts have. Default: `NFCSSL supported/t` and `SHA256 supported`. */
  capabilities?: readonly string[];
  /** Default: `in-order`. A scripted fault changes it for single reads. */
  fragmentOrder?: FragmentOrder;
  /** The packing in fragments that packing does not make smaller: none (default), or the one that was requested. */
  storedAs?: 'none' | 'requested';
  /** What the bitmap of allocated blocks covers: the file that was opened (default), or also all files below it. */
  allocatedBlocks?: 'link' | 'chain';
  /** Default: the thumbprint of the endpoint's certificate, or no thumbprint. */
  thumbprint?: 'sha1' | 'none';
  /** Seconds until an unused ticket expires. Default: 300. */
  ticketSeconds?: number;
  /** Seconds without a byte from the client until a connection is closed. Default: 1800. */
  idleSeconds?: number;
}

/** The options with all defaults applied. */
export type ResolvedNfcOptions = Required<NfcOptions>;

export function resolveNfcOptions(options: NfcOptions): ResolvedNfcOptions {
  const isOld = options.like === '7.0.3';
  return {
    port: 0,
    like: '8.0',
    libVersion: isOld ? 7 : 11,
    protocolVersion: isOld ? 9 : 11,
    message36: isOld ? 'after-51' : 'at-once',
    answerAfterFailedOpen: isOld,
    memoryBytes: (isOld ? 48 : 96) << 20,
    maxConnections: 52,
    oneMessagePerRecord: 'classic',
    capabilities: ['NFCSSL supported/t', 'SHA256 supported'],
    fragmentOrder: 'in-order',
    storedAs: 'none',
    allocatedBlocks: 'link',
    thumbprint: 'sha1',
    ticketSeconds: 300,
    idleSeconds: 1800,
    ...options,
  };
}
