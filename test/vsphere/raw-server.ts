import { once } from 'node:events';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { resolveConnectionSettings } from '../../src/vsphere/connection/connection-settings.ts';
import { VsphereClient } from '../../src/vsphere/session/vsphere-client.ts';
import { selfSignedCertificate, thumbprintOf } from '../server/certificate.ts';

const certificate = selfSignedCertificate({ commonName: 'raw', hosts: ['127.0.0.1'] });

/** A server that sends the bytes that a test writes, without any HTTP logic. */
export interface RawServer extends AsyncDisposable {
  readonly url: URL;
  /** Bytes written to clients so far. */
  readonly sentBytes: number;
  /** `connected` resolves when a client has connected, `abandoned` when all clients have disconnected. */
  connected(): Promise<void>;
  abandoned(): Promise<void>;
  /** Resets all connections. */
  reset(): void;
}

/** Starts a server that accepts TCP connections, but never answers the TLS handshake. */
export function startSilentServer(): Promise<RawServer> {
  return listen(createTcpServer((socket) => socket.resume()));
}

/** Calls `answer` with the TLS socket when the head of a request has arrived. Errors after the client has disconnected are ignored. */
export function startRawServer(answer: (socket: Socket) => void | Promise<void>): Promise<RawServer> {
  const server = createTlsServer({ cert: certificate.certificatePem, key: certificate.keyPem }, (socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => void Promise.resolve(answer(socket)).catch(() => undefined));
  });
  server.on('tlsClientError', () => undefined);
  return listen(server);
}

/** Writes the same bytes repeatedly until the client disconnects. */
export async function flood(socket: Socket, bytes: string | Buffer): Promise<void> {
  const closed = once(socket, 'close');
  while (!socket.destroyed) {
    if (!socket.write(bytes)) await Promise.race([once(socket, 'drain'), closed]);
  }
}

/** Writes one byte every `everyMs` milliseconds. */
export function drip(socket: Socket, everyMs: number): void {
  const timer = setInterval(() => socket.write('x'), everyMs);
  socket.on('close', () => clearInterval(timer));
}

/** Returns a client that trusts the server. It is not connected yet. */
export function clientOf({ url }: RawServer, timeoutMs: number): VsphereClient {
  return new VsphereClient(
    resolveConnectionSettings({
      flags: {
        url: url.href,
        username: 'joe',
        thumbprint: thumbprintOf(certificate.certificatePem, 'sha256'),
      },
      timeoutMs,
      env: { HYPER2KVM_PASSWORD: 'geheim' },
      password: () => Promise.reject(new Error('the password is in the environment')),
    }),
  );
}

async function listen(server: Server): Promise<RawServer> {
  const sockets = new Set<Socket>();
  let sentBytes = 0;
  const count = (): number => [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, sentBytes);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      sentBytes += socket.bytesWritten;
      server.emit('gone');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`https://127.0.0.1:${port}/sdk`),
    get sentBytes() {
      return count();
    },
    async connected() {
      while (sockets.size === 0) await once(server, 'connection');
    },
    async abandoned() {
      while (sockets.size > 0) await once(server, 'gone');
    },
    reset() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
