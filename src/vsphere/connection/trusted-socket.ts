import type { Duplex } from 'node:stream';
import { isIP, type OnReadOpts, type TcpSocketConnectOpts } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import {
  connect,
  createSecureContext,
  type ConnectionOptions,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import { addressOf, type CertificateTrust } from './certificate-trust.ts';
import { connectionError, connectTimeout, NotConnectedError, type Purpose } from './connection-failure.ts';

/** The maximum time for DNS lookup, TCP connect and TLS handshake together, regardless of the limit for the whole call. */
export const CONNECT_LIMIT_MS = 15_000;

/** When a name has several addresses, Node abandons each after 250 ms. A distant data center needs that long for one round trip. */
const NEXT_ADDRESS_AFTER_MS = 3000;

export interface ConnectOptions {
  /** Limits above {@link CONNECT_LIMIT_MS} have no effect. */
  limitMs: number;
  signal: AbortSignal;
  /** Selects the remedies in errors; `api` when unset. */
  purpose?: Purpose;
  /** Receives the socket's bytes instead of its `data` events. */
  onread?: OnReadOpts;
}

export interface SecureOptions {
  limitMs: number;
  signal: AbortSignal;
  /** The thumbprint that a trusted server has named for this host: only that certificate is accepted. */
  vouched?: string | undefined;
  /** The `host:port` whose trust settings apply, when it is not that of the URL. */
  judgedAs?: string | undefined;
}

/** The last context that was created with authorities. All connections of a process usually trust the same ones. */
let lastContext: { authorities: readonly string[]; context: SecureContext } | undefined;

/** Loading all authorities of a system takes 0.1 s. */
function contextWith(authorities: string[]): SecureContext {
  if (lastContext === undefined || !isDeepStrictEqual(lastContext.authorities, authorities)) {
    lastContext = { authorities, context: createSecureContext({ ca: authorities }) };
  }
  return lastContext.context;
}

/**
 * Opens TLS connections and verifies the certificate with {@link CertificateTrust} before the caller can write. No byte
 * of a request (a password, a session, a ticket) reaches an untrusted server.
 */
export class TrustedConnector {
  readonly trust: CertificateTrust;
  /** Created on first use. */
  #withAuthorities: SecureContext | undefined;
  #withNone: SecureContext | undefined;

  constructor(trust: CertificateTrust) {
    this.trust = trust;
  }

  /**
   * Resolves to an open, verified socket, which the caller must destroy. All connections are opened here. The call
   * settles within the limit or on abort, whatever the server does, and leaves no socket that would keep the process
   * alive.
   * @throws Hyper2kvmError `tls-trust`; {@link NotConnectedError}, also on timeout; the signal's reason.
   */
  async connect(url: URL, { limitMs, signal, purpose = 'api', onread }: ConnectOptions): Promise<TLSSocket> {
    signal.throwIfAborted();
    const address = addressOf(url);
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const options: ConnectionOptions & Partial<TcpSocketConnectOpts> = {
      host,
      port: Number(url.port || 443),
      autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_AFTER_MS,
      ALPNProtocols: ['http/1.1'],
      ...(onread && { onread }),
      secureContext: this.#contextFor(address),
      rejectUnauthorized: false,
      // RFC 6066 section 3: no server name for a literal IP address.
      servername: isIP(host) ? '' : host,
    };
    const reading = { limitMs, signal, purpose };
    return await this.#verify(connect(options), url, reading, (certificate, authorized, reason) =>
      this.trust.refusal(address, certificate, authorized, reason),
    );
  }

  /**
   * Starts TLS on an open stream, and verifies the certificate as {@link connect} does. Never resumes an earlier TLS
   * session. On failure, the stream must be destroyed by the caller.
   * @throws as {@link connect}.
   */
  async secure(stream: Duplex, url: URL, { limitMs, signal, vouched, judgedAs }: SecureOptions): Promise<TLSSocket> {
    signal.throwIfAborted();
    const address = judgedAs ?? addressOf(url);
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const socket = connect({
      socket: stream,
      secureContext: vouched === undefined ? this.#contextFor(address) : this.#contextWithNone(),
      rejectUnauthorized: false,
      servername: isIP(host) ? '' : host,
    });
    return await this.#verify(socket, url, { limitMs, signal, purpose: 'disks' }, (certificate, authorized, reason) =>
      vouched === undefined
        ? this.trust.refusal(address, certificate, authorized, reason)
        : this.trust.refusalOfVouched(address, certificate, vouched),
    );
  }

  /** Waits for the end of the handshake, and destroys the socket unless its certificate is accepted. */
  async #verify(
    socket: TLSSocket,
    url: URL,
    { limitMs, signal, purpose = 'api' }: ConnectOptions,
    refusalOf: (certificate: PeerCertificate, authorized: boolean, reason: string) => Error | undefined,
  ): Promise<TLSSocket> {
    const limit = Math.min(limitMs, CONNECT_LIMIT_MS);
    let timer: NodeJS.Timeout | undefined;
    let abort: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        timer = setTimeout(() => reject(connectTimeout(url, limit, { purpose })), limit);
        abort = () => reject(signal.reason);
        signal.addEventListener('abort', abort);
        socket.once('error', reject);
        socket.once('secureConnect', resolve);
      });
      const reason = socket.authorizationError ? String(socket.authorizationError) : 'no reason given';
      const refusal = refusalOf(socket.getPeerCertificate(), socket.authorized, reason);
      if (refusal) throw refusal;
      return socket;
    } catch (error) {
      // A socket can still emit an error while it is being destroyed, when it has no other listener.
      socket.on('error', () => undefined);
      socket.destroy();
      signal.throwIfAborted();
      throw connectionError(error, url, { purpose, Kind: NotConnectedError });
    } finally {
      clearTimeout(timer);
      if (abort) signal.removeEventListener('abort', abort);
    }
  }

  #contextFor(address: string): SecureContext {
    if (this.trust.asksAuthorities(address)) {
      return (this.#withAuthorities ??= contextWith(this.trust.findAuthorities()));
    }
    return this.#contextWithNone();
  }

  #contextWithNone(): SecureContext {
    return (this.#withNone ??= createSecureContext({ ca: [] }));
  }
}
