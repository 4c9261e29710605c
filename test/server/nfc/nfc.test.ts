import { describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { testWithOracle } from '../../oracles/oracle.ts';
import { outputOf } from '../../oracles/run-program.ts';
import { field, RawClient } from '../raw-client.ts';
import { startTestServer } from '../test-server.ts';
import { CONTENT, nfcScene, PATH } from './nfc-scene.ts';
import { RawNfcClient, type RawTicket } from './raw-nfc-client.ts';

describe.each([
  ['a vCenter', 'VirtualCenter', 'vpxa-nfc', 'nfcService', '127.0.0.1'],
  ['an ESXi host', 'HostAgent', 'nfc', 'ha-nfc-service', ''],
] as const)('%s', (_name, apiType, service, reference, host) => {
  test.each(['first', 'second'] as const)('serves a disk to a client like the %s', async (style) => {
    await using scene = await nfcScene({}, { apiType });
    const ticket = await scene.ticket();
    expect(ticket).toMatchObject({ service, host: '127.0.0.1', thumbprint: scene.server.nfc?.sha1 });
    const client = await RawNfcClient.open(ticket, style);
    const { handle, capacity } = await client.openFile(PATH);
    expect(capacity).toBe(BigInt(CONTENT.capacityBytes));
    await client.requestRead(handle, 0, CONTENT.capacityBytes);
    const fragments = await client.fragments(CONTENT.capacityBytes);
    const bytes = Buffer.concat(fragments.map((each) => each.data));
    expect(bytes.equals((await CONTENT.read(0, CONTENT.capacityBytes)) ?? Buffer.alloc(0))).toBe(true);
    await client.close(handle);
    expect(await scene.ended()).toEqual({
      vm: 'vm',
      stage: 'frames',
      outcome: 'closed',
      ended: true,
      session: 'closed',
      saidGoodbye: true,
      peakReads: 1,
      peakBytes: CONTENT.capacityBytes,
      violations: [],
      files: [{ path: PATH, open: false, reads: 1, bytesRead: CONTENT.capacityBytes }],
    });
    expect(scene.server.state().nfc).toMatchObject({ bytesInFlight: 0, peakBytesInFlight: CONTENT.capacityBytes });
  });

  test('has a reference to the service, and tickets of its kind', async () => {
    await using scene = await nfcScene({ libVersion: 7 }, { apiType });
    const [content] = (await scene.client.call('RetrieveInternalContent', 'ServiceInstance:ServiceInstance')).returned;
    expect(content === undefined ? '' : field(content, 'nfcService').text).toBe(reference);
    const version = await scene.client.call('NfcGetServerNfcLibVersion', `NfcService:${reference}`);
    expect(version.returned[0]?.text).toBe('7');
    const answer = await scene.client.call(
      'NfcGetVmFiles',
      `NfcService:${reference}`,
      '<vm type="VirtualMachine">vm-1</vm>',
    );
    const [ticket] = answer.returned;
    expect(ticket === undefined ? '' : field(ticket, 'host').text).toBe(host);
    expect(ticket === undefined ? '' : field(ticket, 'serviceVersion').text).toBe('1.1');
    const { secrets } = scene.server.state();
    expect(secrets).toContain(ticket === undefined ? '' : field(ticket, 'sessionId').text);
  });
});

describe.each([
  ['a vCenter', 'VirtualCenter', '127.0.0.1', 'vpxa-nfc', 'nfcService'],
  // eslint-disable-next-line unicorn/no-null -- JSON of another program
  ['an ESXi host', 'HostAgent', null, 'nfc', 'ha-nfc-service'],
] as const)('%s', (_name, apiType, host, service, reference) => {
  testWithOracle('pyvmomi', 'gives a ticket to pyvmomi, which opens a connection', async ({ pyvmomi }) => {
    await using scene = await nfcScene({}, { apiType });
    const { server } = scene;
    const script = join(import.meta.dirname, '../../oracles/pyvmomi_nfc.py');
    const args = [script, server.url.href, server.username, server.password, 'vm'];
    const seen: PyvmomiReport = JSON.parse(await outputOf(pyvmomi, args));
    expect(seen).toEqual({
      service: reference,
      version: 11,
      ticket: {
        host,
        port: server.nfc?.port,
        sslThumbprint: server.nfc?.sha1,
        service,
        serviceVersion: '1.1',
        sessionId: expect.any(String),
      },
      fault: expect.stringMatching(/ManagedObjectNotFound$/),
    });
    const ticket = { ...(await scene.ticket()), sessionId: seen.ticket.sessionId };
    await (await RawNfcClient.open(ticket)).close();
    expect(await scene.ended()).toMatchObject({ vm: 'vm', outcome: 'closed' });
  });
});

/** The output of pyvmomi_nfc.py. */
interface PyvmomiReport {
  ticket: { sessionId: string };
}

test('a server without NFC does not know its methods', async () => {
  await using server = await startTestServer();
  const client = new RawClient(server);
  await client.login();
  const answer = await client.call('RetrieveInternalContent', 'ServiceInstance:ServiceInstance');
  expect(answer).toMatchObject({ status: 500, fault: 'InvalidRequest' });
  expect(server.state().nfc).toBeUndefined();
});

test('an old server does not know the method that returns the version', async () => {
  await using scene = await nfcScene({ libVersion: 'no-method' });
  expect(await scene.client.call('NfcGetServerNfcLibVersion', 'NfcService:nfcService')).toMatchObject({
    fault: 'InvalidRequest',
  });
});

test.each(['VirtualMachine.Provisioning.GetVmFiles', 'VirtualMachine.Provisioning.DiskRandomRead'])(
  'the privilege %s is required',
  async (privilege) => {
    await using scene = await nfcScene({}, { missingPrivileges: [privilege] });
    const read = async () => (await scene.open()).openFile(PATH);
    await expect(read()).rejects.toThrow(/NoPermission|error 11/);
  },
);

describe('a ticket', () => {
  test('works for one connection only', async () => {
    await using scene = await nfcScene();
    const ticket = await scene.ticket();
    await (await RawNfcClient.open(ticket)).close();
    const client = await RawNfcClient.connect(ticket);
    await client.secure();
    expect(await client.line(`SESSION ${ticket.sessionId}`)).toMatch(/^530 /);
    expect(await scene.ended()).toMatchObject({ vm: undefined, outcome: 'refused' });
    expect(scene.server.state().nfc?.tickets).toEqual([{ vm: 'vm', spent: true }]);
  });

  test('expires', async () => {
    await using scene = await nfcScene({ ticketSeconds: -1 });
    const ticket = await scene.ticket();
    const client = await RawNfcClient.connect(ticket);
    await client.secure();
    expect(await client.line(`SESSION ${ticket.sessionId}`)).toMatch(/^530 /);
  });

  test('opens no files of another VM', async () => {
    await using scene = await nfcScene();
    const client = await scene.open();
    await expect(client.openFile('[datastore1] other/other.vmdk')).rejects.toThrow('error 11: permission check failed');
  });

  test('of a single disk opens that disk only', async () => {
    await using scene = await nfcScene();
    const args = '<vm type="VirtualMachine">vm-2</vm><diskDeviceKey>2001</diskDeviceKey>';
    const answer = await scene.client.call('NfcRandomAccessOpenReadonly', 'NfcService:nfcService', args);
    const [ticket] = answer.returned;
    const sessionId = ticket === undefined ? '' : field(ticket, 'sessionId').text;
    const client = await RawNfcClient.open({ ...(await scene.ticket()), sessionId });
    expect((await client.openFile('[datastore1] other/other_1.vmdk')).capacity).toBe(1n << 20n);
    await expect(client.openFile('[datastore1] other/other.vmdk')).rejects.toThrow('error 11');
  });

  test.each([
    [{ action: 'refused-port' }, { port: 1 }],
    [{ action: 'other-host', host: '192.0.2.7' }, { host: '192.0.2.7' }],
    [{ action: 'wrong-thumbprint' }, { thumbprint: expect.stringMatching(/^[01:]+$/) }],
  ] as const)('can be wrong with %j', async (fault, expected) => {
    await using scene = await nfcScene();
    scene.server.faults.add({ on: 'nfc', target: 'vm', ...fault });
    await scene.ticket('vm-2');
    expect(await scene.ticket()).toMatchObject(expected);
    expect(await scene.ticket()).not.toMatchObject(expected);
  });
});

describe('a file', () => {
  test('that a running VM writes to cannot be opened, but the one of its snapshot can', async () => {
    await using scene = await nfcScene();
    const made = await scene.client.call(
      'CreateSnapshot_Task',
      'VirtualMachine:vm-3',
      '<name>s</name><memory>false</memory><quiesce>false</quiesce>',
    );
    await scene.client.waitFor(`Task:${made.returned[0]?.text}`, 'info.state', 'success');
    const client = await RawNfcClient.open(await scene.ticket('vm-3'));
    await expect(client.openFile('[datastore1] running/running-000001.vmdk')).rejects.toThrow('multiwriter mode');
    expect((await client.openFile('[datastore1] running/running.vmdk')).capacity).toBe(1n << 20n);
  });

  test('cannot be opened during a lease of its VM, and the reverse', async () => {
    await using scene = await nfcScene();
    const { lease } = await scene.client.openLease('VirtualMachine:vm-1');
    const client = await scene.open();
    await expect(client.openFile(PATH)).rejects.toThrow('DiskLib error 16392: Failed to lock the file');
    await scene.client.call('HttpNfcLeaseAbort', lease);
    const { handle } = await client.openFile(PATH);
    await expect(scene.client.openLease('VirtualMachine:vm-1')).rejects.toThrow('the lease is in state error');
    await client.close(handle);
    await scene.ended();
    await scene.client.openLease('VirtualMachine:vm-1');
  });
});

test('a client that disconnects leaves its session and its files behind', async () => {
  await using scene = await nfcScene();
  const client = await scene.open();
  await client.openFile(PATH);
  client.hangUp();
  expect(await scene.ended()).toMatchObject({ outcome: 'abandoned', session: 'abandoned', saidGoodbye: false });
});

test('a connection without a byte from its client ends after some time', async () => {
  await using scene = await nfcScene({ idleSeconds: 0.3 });
  const client = await scene.open();
  await expect(client.take(1)).rejects.toThrow('the connection ended');
  expect(await scene.ended()).toMatchObject({ session: 'abandoned' });
});

test.each<[string, (client: RawNfcClient, ticket: RawTicket) => Promise<void>, isRaw: boolean]>([
  ['in place of the first TLS session', async () => undefined, true],
  ['in the first TLS session', async (client) => void (await client.secure()), false],
  ['in place of the second TLS session', async (client, ticket) => authenticate(client, ticket), true],
  ['in place of a message', async (client, ticket) => reachMessages(client, ticket), false],
  [
    'in place of a frame',
    async (client, ticket) => {
      await reachMessages(client, ticket);
      await client.greet();
    },
    false,
  ],
])('bytes without a meaning %s end their connection, and no other', async (_name, reach, isRaw) => {
  await using scene = await nfcScene();
  const good = await scene.open();
  const { handle } = await good.openFile(PATH);
  const ticket = await scene.ticket();
  const client = await RawNfcClient.connect(ticket);
  await reach(client, ticket);
  const garbage = randomBytes(5000);
  if (isRaw) client.sendRaw(garbage);
  else await client.send(garbage);
  await client.untilEnd();
  const ended = () => scene.server.state().nfc?.connections.map((each) => each.ended);
  while (ended()?.[1] === false) await pause(5);
  expect(ended()).toEqual([false, true]);
  await good.requestRead(handle, 0, 512);
  expect((await good.fragment()).length).toBe(512);
});

async function authenticate(client: RawNfcClient, ticket: RawTicket): Promise<void> {
  await client.secure();
  await client.authenticate(ticket);
}

async function reachMessages(client: RawNfcClient, ticket: RawTicket): Promise<void> {
  await authenticate(client, ticket);
  await client.secure();
}

test('the endpoint refuses more connections than it has room for', async () => {
  await using scene = await nfcScene({ maxConnections: 1 });
  await scene.open();
  expect((await RawNfcClient.connect(await scene.ticket())).greeting).toMatch(/^520 /);
});

test('the endpoint goes away and comes back with the server', async () => {
  await using scene = await nfcScene();
  const ticket = await scene.ticket();
  const client = await scene.open();
  await scene.server.goAway();
  await expect(client.openFile(PATH)).rejects.toThrow();
  await expect(RawNfcClient.connect(ticket)).rejects.toThrow('the connection ended');
  await scene.server.comeBack();
  await scene.client.login();
  await (await RawNfcClient.open(ticket)).close();
});
