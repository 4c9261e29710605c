/** Faults of a ticket. */
type TicketFault =
  /** The ticket's thumbprint does not match the endpoint's certificate. */
  | { action: 'wrong-thumbprint' }
  /** The ticket names a port at which connections are refused. */
  | { action: 'refused-port' }
  /** The ticket names another host, such as the address of a NIC that cannot be reached. */
  | { action: 'other-host'; host: string };

/** Faults of a new connection. The VM is not yet known, so these have no target. */
type ConnectFault =
  /** The 220 line lacks the words that contain this text, such as `NFCSSL` or `SHA256`. */
  | { action: 'no-capability'; word: string }
  /** The first line is this text instead. */
  | { action: 'greeting'; line: string }
  /** One of the two TLS sessions has another certificate. */
  | { action: 'wrong-certificate'; session: 1 | 2 };

/** The commands of authd. `banner` is the answer to `BANNER`. */
export type AuthdStep = 'SESSION' | 'BANNER' | 'THUMBPRINT_SHA2' | 'PROXY';

/** Faults in the first TLS session. */
type AuthdFault =
  /** A line with status 530 answers this step. Default: SESSION. */
  | { action: 'spent-ticket'; at?: AuthdStep }
  /** This line answers the step. The connection ends if its status is 5xx. */
  | { action: 'authd-line'; at: AuthdStep; line: string }
  /** The step is never answered. */
  | { action: 'authd-stall'; at: AuthdStep }
  /** The connection ends in place of an answer. */
  | { action: 'authd-cut'; at: AuthdStep };

/** Faults of the messages of 264 bytes. */
type ClassicFault =
  /** The version in the server's message 51. */
  | { action: 'version'; version: number }
  /** Message 4 or another type in place of the message of type `at`. Default: 4. */
  | { action: 'classic-refusal'; at: 36 | 51 | 52; type?: number }
  | { action: 'classic-stall'; at: 36 | 51 | 52 }
  | { action: 'classic-cut'; at: 36 | 51 | 52 };

/** Faults of opening a session or a file. */
type OpenFault =
  | { action: 'session-error'; code: number; text?: string }
  | { action: 'open-error'; code: number; text?: string }
  /** The status in the answer to open. */
  | { action: 'open-status'; status: number }
  /** The capacity in the answer to open. */
  | { action: 'capacity'; bytes: bigint | number };

/** Faults of one read. Offsets and counts refer to its fragments or to the bytes of its answer. */
type ReadFault =
  | { action: 'read-error'; code: number; text?: string; afterFragments?: number }
  /** Error 5 for a read that arrives while this number of reads or more of the connection are in flight. */
  | { action: 'busy'; inFlight: number; text?: string }
  | { action: 'read-status'; status: number }
  | { action: 'reversed' }
  | { action: 'mixed' }
  | { action: 'stored-as-requested' }
  /** The second fragment begins before the first one ends. A read of one fragment is answered by two. */
  | { action: 'overlap' }
  /** The first fragment is sent twice. */
  | { action: 'twice' }
  /** A sector between two fragments is not sent. The last fragment still ends where the read ends. */
  | { action: 'gap' }
  /** A fragment is never sent. */
  | { action: 'missing-fragment' }
  /** The last fragment ends after the end of the read. */
  | { action: 'past-the-end' }
  /** A fragment has fewer bytes than its length. */
  | { action: 'wrong-length' }
  /** This field of the answer is 0xfffffff0. */
  | { action: 'huge-length'; field: 'payload' | 'total' | 'place' | 'length' | 'extra' }
  | { action: 'wrong-magic' }
  | { action: 'wrong-operation' }
  /** One bit differs. `atByte` is a place in the disk; default: the first byte of the read. */
  | { action: 'flip-bit'; atByte?: number }
  /** The connection ends after this number of bytes of the answer. */
  | { action: 'cut'; afterBytes: number }
  /** No byte comes after this number of bytes of the answer, also not for other reads. */
  | { action: 'stall'; afterBytes: number }
  /** The answer begins after this time. Answers to other reads wait, too. */
  | { action: 'late'; ms: number };

/** Faults of the other questions about an open file. */
type FileFault =
  | { action: 'blocks-error'; code: number; text?: string }
  /** The bitmap lacks its last byte. */
  | { action: 'short-bitmap' }
  /** The bitmap is not padded to a multiple of 4 bytes. */
  | { action: 'unpadded-bitmap' }
  /** The count in the answer differs from that in the request. */
  | { action: 'wrong-count'; count: number }
  | { action: 'descriptor-error'; code: number; text?: string }
  | { action: 'close-stall' };

interface Faults {
  ticket: TicketFault;
  connect: ConnectFault;
  authd: AuthdFault;
  classic: ClassicFault;
  open: OpenFault;
  read: ReadFault;
  file: FileFault;
}

type FaultStage = keyof Faults;

/** A scripted fault of the NFC service. */
export type NfcFault = Faults[FaultStage];

export type NfcFaultAt<Stage extends FaultStage> = Faults[Stage];

const STAGES: Record<NfcFault['action'], FaultStage> = {
  'wrong-thumbprint': 'ticket',
  'refused-port': 'ticket',
  'other-host': 'ticket',
  'no-capability': 'connect',
  greeting: 'connect',
  'wrong-certificate': 'connect',
  'spent-ticket': 'authd',
  'authd-line': 'authd',
  'authd-stall': 'authd',
  'authd-cut': 'authd',
  version: 'classic',
  'classic-refusal': 'classic',
  'classic-stall': 'classic',
  'classic-cut': 'classic',
  'session-error': 'open',
  'open-error': 'open',
  'open-status': 'open',
  capacity: 'open',
  'read-error': 'read',
  busy: 'read',
  'read-status': 'read',
  reversed: 'read',
  mixed: 'read',
  'stored-as-requested': 'read',
  overlap: 'read',
  twice: 'read',
  gap: 'read',
  'missing-fragment': 'read',
  'past-the-end': 'read',
  'wrong-length': 'read',
  'huge-length': 'read',
  'wrong-magic': 'read',
  'wrong-operation': 'read',
  'flip-bit': 'read',
  cut: 'read',
  stall: 'read',
  late: 'read',
  'blocks-error': 'file',
  'short-bitmap': 'file',
  'unpadded-bitmap': 'file',
  'wrong-count': 'file',
  'descriptor-error': 'file',
  'close-stall': 'file',
};

/** Whether a fault belongs to this stage of a connection. */
export function isFaultAt<Stage extends FaultStage>(fault: NfcFault, stage: Stage): fault is NfcFaultAt<Stage> {
  return STAGES[fault.action] === stage;
}
