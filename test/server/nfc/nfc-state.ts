/** A file that a connection opened. */
interface NfcFileRecord {
  path: string;
  open: boolean;
  reads: number;
  /** Bytes of the disk in the answers, before packing. */
  bytesRead: number;
}

/** A connection to the NFC endpoint. */
export interface NfcConnectionRecord {
  /** The VM of the ticket. Undefined until a valid ticket has arrived. */
  vm: string | undefined;
  /** How far the connection got. */
  stage: 'connected' | 'authd' | 'classic' | 'frames';
  /**
   * `open`: in progress. `closed`: the client closed the session. `abandoned`: the client disconnected without that.
   * `refused`: this server ended the connection because of the client. Otherwise the scripted action.
   */
  outcome: string;
  /** Whether the TCP connection has ended. */
  ended: boolean;
  /** The session in which files are opened. */
  session: 'none' | 'open' | 'closed' | 'abandoned';
  files: NfcFileRecord[];
  /** The highest number of reads in flight, and of their bytes. */
  peakReads: number;
  peakBytes: number;
  /** Whether message 4 came after the session was closed. */
  saidGoodbye: boolean;
  /** Each thing that the client must not do. Empty for a correct client. */
  violations: string[];
}

/** The state of the NFC service, as plain data for tests. */
export interface NfcState {
  tickets: { vm: string; spent: boolean }[];
  connections: NfcConnectionRecord[];
  /** Sum of the reads in flight over all connections: now, and the maximum. */
  bytesInFlight: number;
  peakBytesInFlight: number;
}
