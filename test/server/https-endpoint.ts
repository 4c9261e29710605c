import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServerCertificate } from './certificate.ts';

/** Answers a request. If the promise rejects, the connection is broken. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** An HTTPS server that can also inject faults at the TCP level. */
export class HttpsEndpoint {
  readonly #server: Server;
  /** The TCP sockets under the TLS sockets, by the client's port. */
  readonly #sockets = new Map<number, Socket>();
  #address = { host: '', port: 0 };

  constructor(certificate: ServerCertificate, handler: RequestHandler) {
    const options = { cert: certificate.certificatePem, key: certificate.keyPem };
    this.#server = createServer(options, (request, response) => {
      handler(request, response).catch((error: unknown) => {
        request.socket.destroy(error instanceof Error ? error : undefined);
      });
    });
    // Tests make clients that hang up, reject the certificate or lose the connection.
    this.#server.on('tlsClientError', () => undefined);
    this.#server.on('connection', (socket: Socket) => {
      const port = socket.remotePort ?? 0;
      this.#sockets.set(port, socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(port));
    });
    this.#server.on('secureConnection', (socket) => socket.on('error', () => undefined));
  }

  /** Host and port, such as `127.0.0.1:40123`. */
  get authority(): string {
    return `${this.#address.host}:${this.#address.port}`;
  }

  /** Listens at the address, by default at the previous one. Retries for about 30 seconds while another socket uses the previous port. */
  async listen(address = this.#address): Promise<void> {
    for (let triesLeft = 300; !this.#server.listening; triesLeft -= 1) {
      this.#server.listen(address.port, address.host);
      try {
        await once(this.#server, 'listening');
      } catch (error) {
        if (address !== this.#address || triesLeft === 0) throw error;
        await pause(100);
      }
    }
    const bound = this.#server.address();
    if (bound === null || typeof bound === 'string') throw new TypeError('the server listens at no TCP address');
    this.#address = { host: address.host, port: bound.port };
  }

  /** Uses another certificate for new connections. */
  changeCertificate(certificate: ServerCertificate): void {
    this.#server.setSecureContext({ cert: certificate.certificatePem, key: certificate.keyPem });
  }

  /** Ends the connection of a request with a TCP reset. */
  reset(request: IncomingMessage): void {
    this.#sockets.get(request.socket.remotePort ?? 0)?.resetAndDestroy();
    request.socket.destroy();
  }

  /** Refuses new connections and closes the current ones. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    for (const socket of this.#sockets.values()) socket.destroy();
    await closed;
  }
}
