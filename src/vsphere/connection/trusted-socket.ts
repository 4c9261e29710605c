import { isIP, type OnReadOpts, type TcpSocketConnectOpts } from 'node:net';
import { connect, createSecureContext, type ConnectionOptions, type SecureContext, type TLSSocket } from 'node:tls';
import { addressOf, type CertificateTrust } from './certificate-trust.ts';
import { connectionError, connectTimeout, NotConnectedError, type Purpose } from './connection-failure.ts';

/** Finding the address, connecting and the TLS handshake together take at most this long, whatever the limit of the whole call. */
export const CONNECT_LIMIT_MS = 15_000;

/** Node gives up on an address after 250 ms when a name has several, which a distant data centre needs for one round trip. */
const NEXT_ADDRESS_AFTER_MS = 3000;

export interface ConnectOptions {
  /** At most {@link CONNECT_LIMIT_MS} counts. */
  limitMs: number;
  signal: AbortSignal;
  /** For the remedies of what fails; the API when unset. */
  purpose?: Purpose;
  /** Where the socket's bytes go, in place of its `data` events. */
  onread?: OnReadOpts;
}

/**
 * Opens TLS connections whose certificate was found good by {@link CertificateTrust} before anyone may write to them, so that no byte of a
 * request (a password, a session, a ticket) reaches a server that is not trusted.
 */
export class TrustedConnector {
  readonly trust: CertificateTrust;
  /** Made when they are needed: to load all authorities takes 0.1 s. */
  #withAuthorities: SecureContext | undefined;
  #withNone: SecureContext | undefined;

  constructor(trust: CertificateTrust) {
    this.trust = trust;
  }

  /**
   * Resolves to an open, trusted socket, which the caller destroys. This is the one place that connects: whatever the server does, it ends within the limit or with
   * the signal, and leaves no socket behind that would keep the process alive.
   * @throws Hyper2kvmError `tls-trust`; {@link NotConnectedError}, also when the limit has passed; the signal's reason.
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
      // RFC 6066 section 3: no server name for a literal address.
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
      // One that is being destroyed can still fail, and nobody listens any more.
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
