import { connect, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

export interface Link {
  /** Half of it is added in each direction. */
  roundTripMs: number;
  /** Limit in the direction of the client, over all connections. */
  bytesPerSecond: number;
}

/** A relay that makes a loopback connection slow. Disposing it closes all connections. */
export interface Relay extends AsyncDisposable {
  /** Bytes that were sent to clients. */
  readonly sentBytes: number;
}

/** The buffer of a link: a sender that is faster than the link waits. */
const MOST_QUEUED_BYTES = 1024 * 1024;

/** Listens on `from` and connects each client to `to`. */
export async function startRelay(
  from: { host: string; port: number },
  to: { host: string; port: number },
  link: Link,
): Promise<Relay> {
  const sockets = new Set<Socket>();
  let sentBytes = 0;
  let freeAtMs = 0;
  /** Waits until the link has sent this many bytes. */
  const occupy = async (bytes: number): Promise<void> => {
    const now = performance.now();
    freeAtMs = Math.max(now, freeAtMs) + (bytes * 1000) / link.bytesPerSecond;
    if (freeAtMs - now > 1) await pause(freeAtMs - now);
    sentBytes += bytes;
  };
  const server = createServer((client) => {
    const target = connect({ ...to, noDelay: true });
    client.setNoDelay(true);
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => sockets.delete(socket));
    }
    forward(client, target, link.roundTripMs / 2);
    forward(target, client, link.roundTripMs / 2, occupy);
  });
  server.listen(from.port, from.host);
  await once(server, 'listening');
  return {
    get sentBytes() {
      return sentBytes;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Sends each chunk after the delay and after those before it, in pieces that `occupy` has let through. */
function forward(
  from: Socket,
  to: Socket,
  delayMs: number,
  occupy: (bytes: number) => Promise<void> = () => Promise.resolve(),
): void {
  let queuedBytes = 0;
  let last = Promise.resolve();
  const send = async (before: Promise<void>, chunk: Buffer, dueMs: number): Promise<void> => {
    await before;
    await occupy(chunk.length);
    const waitMs = dueMs - performance.now();
    if (waitMs > 1) await pause(waitMs);
    to.write(chunk);
    queuedBytes -= chunk.length;
    if (queuedBytes <= MOST_QUEUED_BYTES) from.resume();
  };
  from.on('data', (chunk: Buffer) => {
    queuedBytes += chunk.length;
    if (queuedBytes > MOST_QUEUED_BYTES) from.pause();
    last = send(last, chunk, performance.now() + delayMs);
  });
  const end = async (): Promise<void> => {
    await last;
    to.end();
  };
  from.once('end', () => void end());
  from.once('close', () => void end());
}
