import { Agent } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import type { Duplex } from 'node:stream';
import type { TrustedConnector } from './trusted-socket.ts';

/**
 * An HTTPS agent over {@link TrustedConnector}. Connections are not kept alive: a kept one that the server closes in just the wrong moment fails
 * a call that may not be repeated, and calls are few.
 */
export class TrustingAgent extends Agent {
  readonly #connector: TrustedConnector;

  constructor(connector: TrustedConnector) {
    super({ keepAlive: false, maxCachedSessions: 0 });
    this.#connector = connector;
  }

  override createConnection(
    options: ConnectionOptions & { host: string; port: number },
    callback: (error: Error | null, socket?: Duplex) => void,
  ): undefined {
    this.#connector.connect(options, callback);
  }
}
