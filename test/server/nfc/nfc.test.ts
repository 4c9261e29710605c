import { describe, expect, test } from '@jest/globals';
import { mixedContent, type ContentSource } from '../content-source.ts';
import type { TestServerOptions } from '../options.ts';
import { RawClient } from '../raw-client.ts';
import { startTestServer, type TestServer } from '../test-server.ts';
import { rawTicket, RawNfcClient, type RawTicket } from './raw-nfc-client.ts';

const CONTENT = mixedContent(4 << 20, 'nfc');
const PATH = '[datastore1] vm/vm.vmdk';

describe.each([
  ['a vCenter', 'VirtualCenter', { host: '127.0.0.1', service: 'vpxa-nfc' }],
  ['an ESXi host', 'HostAgent', { host: '', service: 'nfc' }],
] as const)('%s', (_name, apiType, expected) => {
  test.each(['first', 'second'] as const)('is read by a client like the %s', async (style) => {
    await using scene = await open({ apiType });
    const ticket = await scene.ticket();
    expect(ticket).toMatchObject({ service: expected.service, thumbprint: scene.server.nfc?.sha1 });
    const client = await RawNfcClient.open(ticket, style);
    const { handle, capacity } = await client.openFile(PATH);
    expect(capacity).toBe(BigInt(CONTENT.capacityBytes));
    await client.requestRead(handle, 0, CONTENT.capacityBytes);
    const fragments = await client.fragments(CONTENT.capacityBytes);
    expect(Buffer.concat(fragments.map((each) => each.data)).equals(await bytesOf(CONTENT))).toBe(true);
    await client.close(handle);
    await scene.ended();
    expect(scene.server.state().nfc?.connections).toMatchObject([
      {
        vm: 'vm',
        outcome: 'closed',
        session: 'closed',
        saidGoodbye: true,
        violations: [],
        files: [{ path: PATH, open: false, reads: 1, bytesRead: CONTENT.capacityBytes }],
      },
    ]);
  });
});

interface Scene extends AsyncDisposable {
  server: TestServer;
  client: RawClient;
  ticket(): Promise<RawTicket>;
  /** Waits until no connection is open. */
  ended(): Promise<void>;
}

async function open(options: TestServerOptions = {}): Promise<Scene> {
  const disks = [{ content: CONTENT }];
  const server = await startTestServer({ nfc: {}, ...options, vms: [{ name: 'vm', moRef: 'vm-1', disks }] });
  const client = new RawClient(server);
  await client.login();
  return {
    server,
    client,
    ticket: () => rawTicket(client, server, 'vm-1'),
    async ended() {
      while (server.state().nfc?.connections.some((each) => each.outcome === 'open')) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    [Symbol.asyncDispose]: () => server.close(),
  };
}

async function bytesOf(content: ContentSource): Promise<Buffer> {
  return (await content.read(0, content.capacityBytes)) ?? Buffer.alloc(content.capacityBytes);
}
