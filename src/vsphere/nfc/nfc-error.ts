import { Hyper2kvmError } from '../../base/errors.ts';
import { foreignText } from '../../base/text/foreign-text.ts';

const MOST_OF_TEXT = 300;

/**
 * Random-access reads over NFC are not available here: the server or host does not offer them, refuses them, cannot be
 * reached, or answers in a way that this client does not know. A retry does not help, but the export lease can. `reason`
 * is a clause for messages.
 */
export class NfcUnavailableError extends Hyper2kvmError {
  readonly reason: string;
  /** The connection failed, which can be for a moment: on a host that has worked before, a retry can help. */
  readonly mayPass: boolean;

  constructor(reason: string, facts: { hint?: string; cause?: unknown; mayPass?: boolean } = {}) {
    const { mayPass = false, ...rest } = facts;
    super('transfer', `Random-access reads (NFC) are not available: ${reason}.`, {
      hint: 'Use --transport lease, or --transport auto, which falls back to the lease.',
      ...rest,
    });
    this.reason = reason;
    this.mayPass = mayPass;
  }
}

/** The error for bytes that contradict the protocol. The connection must be dropped, because its position is lost. */
export function protocolError(host: string, what: string): NfcUnavailableError {
  return new NfcUnavailableError(`${host} sent ${foreignText(what, MOST_OF_TEXT)}, which this client does not know`);
}

/** The error for a connection that ended or stayed silent during reads. A new connection can help. */
export function brokenConnection(host: string, what: string, cause?: unknown): Hyper2kvmError {
  return new Hyper2kvmError('transfer', `The NFC connection to ${host} ${what}.`, {
    cause,
    retryable: true,
    hint: 'Check the network to that host, and whether a firewall ends connections to its port 902.',
  });
}

/** Codes of the host's error frames. */
export const HOST_ERRORS = { memory: 5, permission: 11, read: 13 } as const;

/** An error frame of the host. Its text is for people; decisions use the code. */
export class NfcHostError extends Hyper2kvmError {
  readonly code: number;

  constructor(host: string, doing: string, code: number, text: string) {
    const words = foreignText(text, MOST_OF_TEXT) || 'no reason given';
    super('transfer', `${host} refused ${doing} with NFC error ${code}: ${words}`, {
      // Its memory for transfers is shared by all connections to the host and gets free again.
      retryable: code === HOST_ERRORS.memory,
    });
    this.code = code;
  }
}
