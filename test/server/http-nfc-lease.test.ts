import { describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { thumbprintOf } from './certificate.ts';
import { emptyContent, mixedContent } from './content-source.ts';
import type { TestServerOptions } from './options.ts';
import { deep, field, RawClient } from './raw-client.ts';
import { startTestServer } from './test-server.ts';
import { connect } from 'node:tls';
import { once } from 'node:events';

const VM = 'VirtualMachine:vm-1';

test('a lease locks the VM until it is completed', async () => {
  await using scene = await open();
  const { client, server } = scene;
  const { lease } = await client.openLease(VM);
  expect(await client.call('ExportVm', VM)).toMatchObject({ fault: 'TaskInProgress' });
  expect(await client.call('PowerOnVM_Task', VM)).toMatchObject({ fault: 'TaskInProgress' });
  await client.call('HttpNfcLeaseComplete', lease);
  expect(server.state()).toMatchObject({ leases: [{ outcome: 'completed' }], vms: { vm: { locked: false } } });
  expect(await client.call('HttpNfcLeaseProgress', lease, '<percent>1</percent>')).toMatchObject({
    fault: 'InvalidState',
  });
});

test('urls name the second listener, whose certificate the thumbprint is of', async () => {
  await using scene = await open({ thumbprint: 'sha256' });
  const { urls, info } = await scene.client.openLease(VM);
  const url = new URL(urls.get('disk-0.vmdk') ?? '');
  expect(url.host).not.toBe(scene.server.url.host);
  const socket = connect({ host: url.hostname, port: Number(url.port), rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const pem = `-----BEGIN CERTIFICATE-----\n${socket.getPeerCertificate().raw.toString('base64')}\n-----END CERTIFICATE-----`;
  socket.destroy();
  expect(deep(info, 'sslThumbprint')[0]?.text).toBe(thumbprintOf(pem, 'sha256'));
});

test('urls of a host that is connected to directly have a star', async () => {
  await using scene = await open({ apiType: 'HostAgent' });
  const { urls } = await scene.client.openLease(VM);
  const url = urls.get('disk-0.vmdk') ?? '';
  expect(url).toMatch(/^https:\/\/\*\/ha-nfc\//);
  expect((await scene.client.download(url)).bytes.toString('latin1', 0, 4)).toBe('KDMV');
  expect(scene.server.state().downloads).toMatchObject([{ endpoint: 'soap', outcome: 'whole' }]);
});

test('disks come chunked, and the manifest tells what was sent', async () => {
  await using scene = await open();
  const { client } = scene;
  const { lease, urls } = await client.openLease(VM);
  const key = '/vm-1/VirtualLsiLogicController0:0';
  const types = `<deviceUrlsToChecksumTypes><key>${key}</key><value>sha256</value></deviceUrlsToChecksumTypes>`;
  expect(await client.call('HttpNfcLeaseSetManifestChecksumType', lease, types)).toMatchObject({ status: 200 });
  expect((await client.call('HttpNfcLeaseGetManifest', lease)).returned).toEqual([]);
  const { bytes, broke, contentLength } = await client.download(urls.get('disk-0.vmdk'));
  expect([broke, contentLength]).toEqual(['', undefined]);
  const [entry, ...others] = (await client.call('HttpNfcLeaseGetManifest', lease)).returned;
  expect(others).toEqual([]);
  const told = Object.fromEntries((entry?.children ?? []).map((child) => [child.name, child.text]));
  expect(told).toMatchObject({
    key,
    sha1: createHash('sha1').update(bytes).digest('hex'),
    checksum: createHash('sha256').update(bytes).digest('hex'),
    checksumType: 'sha256',
    size: String(bytes.length),
    disk: 'true',
    capacity: String(1 << 20),
  });
});

test('a server can be told to send a Content-Length', async () => {
  await using scene = await open({ contentLength: true });
  const { urls } = await scene.client.openLease(VM);
  const { bytes, contentLength } = await scene.client.download(urls.get('disk-0.vmdk'));
  expect(contentLength).toBe(String(bytes.length));
});

test('an old server knows no other hash than SHA-1', async () => {
  await using scene = await open({ manifest: 'sha1' });
  const { lease } = await scene.client.openLease(VM);
  const types = '<deviceUrlsToChecksumTypes><key>x</key><value>sha256</value></deviceUrlsToChecksumTypes>';
  expect(await scene.client.call('HttpNfcLeaseSetManifestChecksumType', lease, types)).toMatchObject({
    fault: 'NotSupported',
  });
});

describe('a lease of some seconds', () => {
  // Longer than a busy machine may delay this process between two calls.
  const leaseTimeoutSeconds = 4;

  test('lives as long as progress is told', async () => {
    await using scene = await open({ leaseTimeoutSeconds });
    const { client, server } = scene;
    const { lease } = await client.openLease(VM);
    for (let beat = 0; beat < 5; beat += 1) {
      await sleep(1000);
      expect(await client.call('HttpNfcLeaseProgress', lease, '<percent>1</percent>')).toMatchObject({ status: 200 });
    }
    expect(server.state().leases).toMatchObject([{ outcome: 'open', progressCalls: 5 }]);
  });

  test('times out without it: the VM is free again and the urls are gone', async () => {
    await using scene = await open({ leaseTimeoutSeconds });
    const { client, server } = scene;
    const { lease, urls } = await client.openLease(VM);
    expect(await client.waitFor(lease, 'state', 'error')).toBe('error');
    const error = (await client.properties(lease, 'error')).get('error');
    expect(error === undefined ? undefined : field(error, 'fault').xsiType).toBe('Timedout');
    expect((await client.download(urls.get('disk-0.vmdk'))).status).toBe(404);
    expect(await client.call('HttpNfcLeaseProgress', lease, '<percent>1</percent>')).toMatchObject({
      fault: 'Timedout',
    });
    expect(server.state()).toMatchObject({ leases: [{ outcome: 'timed-out' }], vms: { vm: { locked: false } } });
  });
});

describe('a VM that runs', () => {
  test('is not exported as it is', async () => {
    await using scene = await open({ powerState: 'poweredOn' });
    const answer = await scene.client.call('ExportVm', VM);
    expect(answer).toMatchObject({ fault: 'InvalidPowerState' });
    expect(answer.returned.map((child) => child.text)).toEqual(['poweredOff', 'poweredOn']);
  });

  test('can be shut down by its tools, and only by them', async () => {
    await using scene = await open({ powerState: 'poweredOn' });
    await scene.client.call('ShutdownGuest', VM);
    expect(await scene.client.waitFor(VM, 'runtime.powerState', 'poweredOff')).toBe('poweredOff');
    await using without = await open({ powerState: 'poweredOn', tools: 'notRunning' });
    expect(await without.client.call('ShutdownGuest', VM)).toMatchObject({ fault: 'ToolsUnavailable' });
  });

  test('can be snapshotted; the lease of the snapshot leaves it running', async () => {
    await using scene = await open({ powerState: 'poweredOn' });
    const { client, server } = scene;
    const args = '<name>s</name><memory>false</memory><quiesce>true</quiesce>';
    const task = `Task:${(await client.call('CreateSnapshot_Task', VM, args)).returned[0]?.text}`;
    await client.waitFor(task, 'info.state', 'success');
    const snapshot = `VirtualMachineSnapshot:${(await client.properties(task, 'info.result')).get('info.result')?.text}`;
    const tree = (await client.properties(VM, 'snapshot')).get('snapshot');
    expect(tree === undefined ? '' : deep(tree, 'quiesced')[0]?.text).toBe('true');
    const { lease } = await client.openLease(snapshot);
    const remove = '<removeChildren>false</removeChildren><consolidate>true</consolidate>';
    const early = `Task:${(await client.call('RemoveSnapshot_Task', snapshot, remove)).returned[0]?.text}`;
    expect(await client.waitFor(early, 'info.state', 'error', 'success')).toBe('error');
    await client.call('HttpNfcLeaseAbort', lease);
    const late = `Task:${(await client.call('RemoveSnapshot_Task', snapshot, remove)).returned[0]?.text}`;
    expect(await client.waitFor(late, 'info.state', 'error', 'success')).toBe('success');
    expect(server.state()).toMatchObject({
      leases: [{ snapshot: 's', outcome: 'aborted' }],
      vms: { vm: { snapshots: [], powerState: 'poweredOn' } },
    });
  });

  test.each([
    ['skipped', 'success', 'false'],
    ['fails', 'error', undefined],
  ] as const)('whose quiescing is told to be "%s" gives a task that ends with %s', async (quiesce, state, quiesced) => {
    await using scene = await open({ powerState: 'poweredOn', quiesce });
    const args = '<name>s</name><memory>false</memory><quiesceSpec/>';
    const task = `Task:${(await scene.client.call('CreateSnapshotEx_Task', VM, args)).returned[0]?.text}`;
    expect(await scene.client.waitFor(task, 'info.state', 'success', 'error')).toBe(state);
    const tree = (await scene.client.properties(VM, 'snapshot')).get('snapshot');
    expect(tree === undefined ? undefined : deep(tree, 'quiesced')[0]?.text).toBe(quiesced);
  });
});

test.each([
  ['an encrypted VM', { encrypted: true }],
  ['a VM with a virtual TPM', { virtualTpm: true }],
  ['a VM with a mapped raw device', { disks: [{ content: emptyContent(512), rawDeviceMapping: 'physicalMode' }] }],
] as const)('%s is not exported', async (_what, part) => {
  await using server = await startTestServer({ vms: [{ name: 'vm', moRef: 'vm-1', ...part }] });
  const client = new RawClient(server);
  await client.login();
  expect(await client.call('ExportVm', VM)).toMatchObject({ fault: 'NotSupported' });
});

test('the descriptor takes the sizes that the client tells', async () => {
  await using scene = await open({});
  const file =
    '<ovfFiles><deviceId>/vm-1/VirtualLsiLogicController0:0</deviceId><path>x &amp; y.vmdk</path><size>4711</size></ovfFiles>';
  const args = `<obj type="VirtualMachine">vm-1</obj><cdp>${file}<name>x</name></cdp>`;
  const { returned } = await scene.client.call('CreateDescriptor', 'OvfManager:OvfManager', args);
  const ovf = deep(
    returned[0] ?? { children: [], name: '', type: undefined, xsiType: undefined, text: '' },
    'ovfDescriptor',
  )[0]?.text;
  expect(ovf).toContain('<File ovf:href="x &amp; y.vmdk" ovf:id="file1" ovf:size="4711"/>');
});

type VmPart = Pick<NonNullable<TestServerOptions['vms']>[number], 'powerState' | 'tools' | 'quiesce'>;

async function open({ powerState, tools, quiesce, ...options }: TestServerOptions & VmPart = {}) {
  const vm = {
    name: 'vm',
    moRef: 'vm-1',
    ...(powerState === undefined ? {} : { powerState }),
    ...(tools === undefined ? {} : { tools }),
    ...(quiesce === undefined ? {} : { quiesce }),
    disks: [{ content: mixedContent(1 << 20, 'vm') }, { content: emptyContent(1 << 20) }],
  };
  const server = await startTestServer({ ...options, vms: [vm] });
  const client = new RawClient(server);
  await client.login();
  return { server, client, [Symbol.asyncDispose]: () => server.close() };
}
