import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServerCertificate } from './certificate.ts';

/** Answers a request; a rejection breaks the connection. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** A listening HTTPS server that can also misbehave on the level of TCP. */
export class HttpsEndpoint {
  readonly #server: Server;
  /** The TCP sockets below the TLS ones, by the client's port. */
  readonly #sockets = new Map<number, Socket>();
  #address = { host: '', port: 0 };

  constructor(certificate: ServerCertificate, handler: RequestHandler) {
    const options = { cert: certificate.certificatePem, key: certificate.keyPem };
    this.#server = createServer(options, (request, response) => {
      handler(request, response).catch((error: unknown) => {
        request.socket.destroy(error instanceof Error ? error : undefined);
      });
    });
    // Clients that hang up, refuse the certificate or are cut off are part of the tests.
    this.#server.on('tlsClientError', () => undefined);
    this.#server.on('connection', (socket: Socket) => {
      const port = socket.remotePort ?? 0;
      this.#sockets.set(port, socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(port));
    });
    this.#server.on('secureConnection', (socket) => socket.on('error', () => undefined));
  }

  /** `127.0.0.1:40123`. */
  get authority(): string {
    return `${this.#address.host}:${this.#address.port}`;
  }

  /** Listens at the address, or again where it did before. A port that a connection of somebody has meanwhile is waited for. */
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

  /** Takes another certificate for connections from now on. */
  changeCertificate(certificate: ServerCertificate): void {
    this.#server.setSecureContext({ cert: certificate.certificatePem, key: certificate.keyPem });
  }

  /** Ends a request's connection with a TCP reset. */
  reset(request: IncomingMessage): void {
    this.#sockets.get(request.socket.remotePort ?? 0)?.resetAndDestroy();
    request.socket.destroy();
  }

  /** Refuses new connections and ends the present ones. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    for (const socket of this.#sockets.values()) socket.destroy();
    await closed;
  }
}
