import { Agent, type AgentOptions } from 'node:https';
import { isIP } from 'node:net';
import { connect, createSecureContext, type ConnectionOptions, type SecureContext } from 'node:tls';
import type { Duplex } from 'node:stream';
import type { CertificateTrust } from './certificate-trust.ts';

/**
 * An HTTPS agent that hands a socket to a request only after {@link CertificateTrust} has found the certificate good, so that no
 * byte of a request (a password, a session) reaches a server that is not trusted.
 *
 * Connections are not kept alive: a kept one that the server closes in just the wrong moment fails a call that may not be
 * repeated, and calls are few.
 */
export class TrustingAgent extends Agent {
  readonly #trust: CertificateTrust;
  readonly #secureContext: SecureContext;

  constructor(trust: CertificateTrust, options: AgentOptions = {}) {
    super({ keepAlive: false, maxCachedSessions: 0, ...options });
    this.#trust = trust;
    this.#secureContext = createSecureContext({ ca: trust.authorities });
  }

  override createConnection(
    options: ConnectionOptions & { host: string; port: number },
    callback: (error: Error | null, socket?: Duplex) => void,
  ): undefined {
    const socket = connect({
      ...options,
      secureContext: this.#secureContext,
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
      const host = isIP(options.host) === 6 ? `[${options.host}]` : options.host;
      const reason = socket.authorizationError ? String(socket.authorizationError) : 'no reason given';
      const refusal = this.#trust.refusal(
        `${host}:${options.port}`,
        socket.getPeerCertificate(),
        socket.authorized,
        reason,
      );
      socket.off('error', fail);
      if (refusal) fail(refusal);
      else callback(null, socket);
    });
  }
}
