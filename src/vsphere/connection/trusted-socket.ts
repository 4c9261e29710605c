import { isIP, type OnReadOpts, type TcpSocketConnectOpts } from 'node:net';
import { connect, createSecureContext, type ConnectionOptions, type SecureContext, type TLSSocket } from 'node:tls';
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

/**
 * Opens TLS connections and verifies the certificate with {@link CertificateTrust} before the caller can write. No byte
 * of a request (a password, a session, a ticket) reaches an untrusted server.
 */
export class TrustedConnector {
  readonly trust: CertificateTrust;
  /** Created on first use: loading all authorities takes 0.1 s. */
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
    const socket = connect(options);
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
      const refusal = this.trust.refusal(address, socket.getPeerCertificate(), socket.authorized, reason);
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
      return (this.#withAuthorities ??= createSecureContext({ ca: this.trust.findAuthorities() }));
    }
    return (this.#withNone ??= createSecureContext({ ca: [] }));
  }
}
