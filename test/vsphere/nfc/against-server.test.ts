import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { NfcAccess } from '../../../src/vsphere/nfc/nfc-access.ts';
import type { NfcDisk } from '../../../src/vsphere/nfc/nfc-disk.ts';
import { VsphereClient } from '../../../src/vsphere/session/vsphere-client.ts';
import { connectionTo } from '../../operations/export/export-run.ts';
import { mixedContent } from '../../server/content-source.ts';
import type { NfcOptions } from '../../server/nfc/nfc-options.ts';
import { startTestServer, type TestServer } from '../../server/test-server.ts';

const STYLES: NfcOptions[] = [
  { like: '7.0.3' },
  { like: '8.0' },
  { like: '8.0', oneMessagePerRecord: 'all' },
  { like: '7.0.3', fragmentOrder: 'reversed', storedAs: 'requested' },
  { like: '8.0', fragmentOrder: 'mixed', capabilities: ['NFCSSL supported/t'] },
];

/** The client and the test server were written from the same description, each without the other. */
describe.each(STYLES)('a host like %j', (style) => {
  const content = mixedContent((5 << 20) + 512, 'disk');
  const signal = new AbortController().signal;
  let server: TestServer;
  let client: VsphereClient;

  beforeAll(async () => {
    server = await startTestServer({ nfc: style, vms: [{ name: 'web', moRef: 'vm-1', disks: [{ content }] }] });
    client = new VsphereClient(connectionTo(server));
    await client.greet(signal);
    await client.login(signal);
  });

  afterAll(async () => {
    await client.logout(signal);
    await server[Symbol.asyncDispose]();
  });

  const opened = (path = '[datastore1] web/web.vmdk'): Promise<NfcDisk> =>
    new NfcAccess(client).openDisk({ type: 'VirtualMachine', value: 'vm-1' }, path, signal);

  test('sends the content of a disk', async () => {
    {
      await using disk = await opened();
      expect(disk.capacityBytes).toBe(content.capacityBytes);
      const bytes = Buffer.alloc(disk.capacityBytes);
      await disk.read(0, bytes, signal);
      expect(bytes.equals((await content.read(0, bytes.length)) ?? Buffer.alloc(bytes.length))).toBe(true);
    }
    expect(server.state().nfc?.connections.flatMap(({ violations }) => violations)).toEqual([]);
  });
});
