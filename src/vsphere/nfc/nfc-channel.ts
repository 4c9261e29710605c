import { connect, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Hyper2kvmError, sentenceOf } from '../../base/errors.ts';
import type { TrustedConnector } from '../connection/trusted-socket.ts';
import { LentSocket, logInToAuthd, readGreeting, writeRecord } from './authd.ts';
import { brokenConnection, NfcUnavailableError } from './nfc-error.ts';
import type { NfcTicket } from './nfc-ticket.ts';
import { StreamReader } from './stream-reader.ts';

const CONNECT_LIMIT_MS = 10_000;
/** Everything from the TCP connection to the open file. */
export const OPEN_LIMIT_MS = 60_000;

/** A connection to the NFC server of a host, inside its TLS session. */
export class NfcChannel {
  readonly host: string;
  /** The tag for the first message, see {@link logInToAuthd}. */
  readonly tag: string | undefined;
  readonly reader: StreamReader;
  readonly #socket: TLSSocket;
  #writing: Promise<void> = Promise.resolve();

  constructor(socket: TLSSocket, host: string, tag: string | undefined) {
    this.#socket = socket;
    this.host = host;
    this.tag = tag;
    this.reader = new StreamReader(socket, host);
  }

  /** Sends a message in a TLS record of its own, after those before it. */
  send(message: Uint8Array): Promise<void> {
    const written = this.#sendAfter(this.#writing, message);
    this.#writing = written.catch(() => undefined);
    return written;
  }

  async #sendAfter(before: Promise<void>, message: Uint8Array): Promise<void> {
    await before;
    const { failure } = this.reader;
    if (failure !== undefined) throw failure;
    try {
      await writeRecord(this.#socket, message);
    } catch (error) {
      throw this.reader.failure ?? brokenConnection(this.host, `failed: ${sentenceOf(error)}`, error);
    }
  }

  /** Ends the connection. Reads fail with `error`. */
  destroy(error: unknown): void {
    this.reader.fail(error);
    this.#socket.destroy();
  }

  /** Ends the connection in the ordinary way, after all messages are sent. */
  async end(): Promise<void> {
    await this.#writing;
    this.reader.fail(brokenConnection(this.host, 'is closed'));
    this.#socket.destroySoon();
  }
}

/**
 * Connects to a host with a ticket: authentication daemon, then NFC server, each in its own TLS session on one TCP
 * connection. Both certificates are verified before anything is sent, and must be the same. The caller destroys the
 * channel.
 * @throws NfcUnavailableError; Hyper2kvmError `tls-trust`; the signal's reason.
 */
export async function openChannel(
  connector: TrustedConnector,
  ticket: NfcTicket,
  signal: AbortSignal,
): Promise<NfcChannel> {
  const host = ticket.url.host;
  const raw = await connectTcp(ticket.url, signal);
  const secure = { limitMs: CONNECT_LIMIT_MS, signal, vouched: ticket.thumbprint, judgedAs: ticket.judgedAs };
  const abort = (): void => void raw.destroy();
  signal.addEventListener('abort', abort);
  const silence = setTimeout(() => raw.destroy(new Error('it did not answer in time')), OPEN_LIMIT_MS / 2);
  try {
    const plain = new StreamReader(raw, host);
    const greeting = await readGreeting(plain, host).finally(() => plain.detach());
    const lent = new LentSocket(raw);
    const first = await connector.secure(lent, ticket.url, secure);
    first.on('error', () => undefined);
    const certificate = first.getPeerCertificate().fingerprint256;
    const tag = await logInToAuthd(first, host, { ticket, greeting });
    if (!lent.giveBack()) throw new NfcUnavailableError(`${host} sent data between its two TLS sessions`);
    const second = await connector.secure(raw, ticket.url, secure);
    if (second.getPeerCertificate().fingerprint256 !== certificate) {
      second.destroy();
      throw otherCertificate(host);
    }
    return new NfcChannel(second, host, tag);
  } catch (error) {
    raw.on('error', () => undefined);
    raw.destroy();
    signal.throwIfAborted();
    throw notOpened(host, error);
  } finally {
    clearTimeout(silence);
    signal.removeEventListener('abort', abort);
  }
}

async function connectTcp(url: URL, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  const socket = connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 443), noDelay: true });
  let timer: NodeJS.Timeout | undefined;
  let abort: (() => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(
        () => reject(new Error(`no answer within ${CONNECT_LIMIT_MS / 1000} seconds`)),
        CONNECT_LIMIT_MS,
      );
      abort = () => reject(signal.reason);
      signal.addEventListener('abort', abort);
      socket.once('error', reject);
      socket.once('connect', resolve);
    });
    socket.setKeepAlive(true, 60_000);
    return socket;
  } catch (error) {
    socket.on('error', () => undefined);
    socket.destroy();
    signal.throwIfAborted();
    throw unreachable(url, error);
  } finally {
    clearTimeout(timer);
    if (abort) signal.removeEventListener('abort', abort);
  }
}

/** The host of a ticket can be a NIC that only backup servers reach. */
function unreachable(url: URL, cause: unknown): NfcUnavailableError {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : sentenceOf(cause);
  return new NfcUnavailableError(`${url.host} cannot be reached (${code})`, {
    cause,
    mayPass: true,
    hint: `Allow connections from this host to TCP port ${url.port || 443} of ${url.hostname}, which can be a NIC for backup traffic (vSphereBackupNFC). Or use --transport lease.`,
  });
}

function otherCertificate(host: string): Hyper2kvmError {
  return new Hyper2kvmError('tls-trust', `${host} presented another certificate in its second TLS session.`, {
    hint: 'A device in between may intercept the connection. --transport lease does not use port 902.',
  });
}

/** A connection that ends during the login is a refusal: hosts close it without a word. */
function notOpened(host: string, error: unknown): unknown {
  if (error instanceof NfcUnavailableError) return error;
  if (error instanceof Hyper2kvmError && error.kind === 'tls-trust') return error;
  return new NfcUnavailableError(`the login at ${host} failed (${sentenceOf(error).replace(/\.$/, '')})`, {
    cause: error,
    mayPass: true,
  });
}
