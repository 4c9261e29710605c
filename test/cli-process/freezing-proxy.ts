import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A proxy that can freeze. It then still accepts connections, as the kernel of a hung host does, but forwards no data. */
export interface FreezingProxy extends AsyncDisposable {
  readonly url: URL;
  freeze(): void;
}

export async function startFreezingProxy(server: URL): Promise<FreezingProxy> {
  const sockets = new Set<Socket>();
  let isFrozen = false;
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  };
  const proxy = createServer((client) => {
    keep(client);
    if (isFrozen) return;
    const onward = connect(Number(server.port), server.hostname);
    keep(onward);
    for (const [from, to] of [
      [client, onward],
      [onward, client],
    ] as const) {
      from.on('data', (chunk: Buffer) => {
        if (!isFrozen) to.write(chunk);
      });
      from.on('close', () => {
        if (!isFrozen) to.destroy();
      });
    }
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const { port } = proxy.address() as AddressInfo;
  return {
    url: new URL(`https://127.0.0.1:${port}/sdk`),
    freeze: () => (isFrozen = true),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      proxy.close();
      await once(proxy, 'close');
    },
  };
}
