import { isIP, type OnReadOpts } from 'node:net';
import { connect, createSecureContext, type ConnectionOptions, type SecureContext, type TLSSocket } from 'node:tls';
import type { CertificateTrust } from './certificate-trust.ts';

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

  /** Calls back once: with the socket when it is open and trusted, or with the error, the socket then being destroyed. */
  connect(
    options: ConnectionOptions & { host: string; port: number; onread?: OnReadOpts },
    callback: (error: Error | null, socket?: TLSSocket) => void,
  ): TLSSocket {
    const host = isIP(options.host) === 6 ? `[${options.host}]` : options.host;
    const address = `${host}:${options.port}`;
    const socket = connect({
      ...options,
      secureContext: this.#contextFor(address),
      rejectUnauthorized: false,
      // RFC 6066 section 3: no server name for a literal address.
      servername: isIP(options.host) ? '' : options.host,
    });
    const fail = (error: Error) => {
      socket.destroy();
      callback(error);
    };
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      const reason = socket.authorizationError ? String(socket.authorizationError) : 'no reason given';
      const certificate = socket.getPeerCertificate();
      const refusal = this.trust.refusal(address, certificate, socket.authorized, reason);
      socket.off('error', fail);
      if (refusal) fail(refusal);
      else callback(null, socket);
    });
    return socket;
  }

  #contextFor(address: string): SecureContext {
    if (this.trust.asksAuthorities(address)) {
      return (this.#withAuthorities ??= createSecureContext({ ca: this.trust.findAuthorities() }));
    }
    return (this.#withNone ??= createSecureContext({ ca: [] }));
  }
}
