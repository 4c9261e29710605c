import { setTimeout as pause } from 'node:timers/promises';
import { mixedContent, randomContent } from '../content-source.ts';
import type { TestServerOptions, VmOptions } from '../options.ts';
import { RawClient } from '../raw-client.ts';
import { startTestServer, type TestServer } from '../test-server.ts';
import type { NfcOptions } from './nfc-options.ts';
import type { NfcConnectionRecord } from './nfc-state.ts';
import { rawTicket, RawNfcClient, type ClientStyle, type RawTicket } from './raw-nfc-client.ts';

/** The first disk of the VM `vm`. */
export const CONTENT = mixedContent(4 << 20, 'nfc');
export const PATH = '[datastore1] vm/vm.vmdk';

/** A server with NFC, and a client that is logged in. */
interface Scene extends AsyncDisposable {
  server: TestServer;
  client: RawClient;
  ticket(vm?: string): Promise<RawTicket>;
  /** Goes as far as the frames of a session. */
  open(style?: ClientStyle, buffers?: number[]): Promise<RawNfcClient>;
  /** Waits until no connection is open, and returns the last one. */
  ended(): Promise<NfcConnectionRecord>;
}

/** Starts a server with the VMs `vm` (vm-1), `other` (vm-2) and `running` (vm-3). */
export async function nfcScene(nfc: NfcOptions = {}, options: TestServerOptions = {}): Promise<Scene> {
  const disk = { content: randomContent(1 << 20, 'other') };
  const vms: VmOptions[] = [
    { name: 'vm', moRef: 'vm-1', disks: [{ content: CONTENT }] },
    { name: 'other', moRef: 'vm-2', disks: [disk, disk] },
    { name: 'running', moRef: 'vm-3', powerState: 'poweredOn', disks: [disk] },
  ];
  const server = await startTestServer({ nfc, vms, ...options });
  const client = new RawClient(server);
  await client.login();
  const ticket = (vm = 'vm-1') => rawTicket(client, server, vm);
  return {
    server,
    client,
    ticket,
    open: async (style, buffers) => RawNfcClient.open(await ticket(), style, buffers),
    async ended() {
      for (;;) {
        const connections = server.state().nfc?.connections ?? [];
        const last = connections.at(-1);
        if (last !== undefined && connections.every((each) => each.ended)) return last;
        await pause(5);
      }
    },
    [Symbol.asyncDispose]: () => server.close(),
  };
}
