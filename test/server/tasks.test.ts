import { describe, expect, test } from '@jest/globals';
import { emptyContent } from './content-source.ts';
import type { TestServerOptions, VmOptions } from './options.ts';
import { deep, field, filterSpec, RawClient } from './raw-client.ts';
import { startTestServer } from './test-server.ts';

const VM = 'VirtualMachine:vm-1';
const COLLECTOR = 'PropertyCollector:propertyCollector';
const REMOVE = '<removeChildren>false</removeChildren><consolidate>true</consolidate>';

describe('a task', () => {
  test('can be gone as soon as it has ended', async () => {
    await using scene = await open();
    const { client, server } = scene;
    server.faults.add({ on: 'task', target: 'PowerOnVM_Task', action: 'vanish' });
    const task = taskOf(await client.call('PowerOnVM_Task', VM));
    await client.waitFor(VM, 'runtime.powerState', 'poweredOn');
    const spec = `${filterSpec('specSet', task, ['info.state'])}<options/>`;
    expect(await client.call('RetrievePropertiesEx', COLLECTOR, spec)).toMatchObject({
      fault: 'ManagedObjectNotFound',
    });
  });

  test('that vanishes leaves the filter that watches it', async () => {
    // Long enough for the filter to be created before the task ends.
    await using scene = await open({}, { taskMs: 2000 });
    const { client, server } = scene;
    server.faults.add({ on: 'task', target: 'vm', action: 'vanish' });
    const task = taskOf(await client.call('PowerOnVM_Task', VM));
    const filter = `${filterSpec('spec', task, ['info.state'])}<partialUpdates>false</partialUpdates>`;
    expect(await client.call('CreateFilter', COLLECTOR, filter)).toMatchObject({ fault: '' });
    let version = '';
    for (;;) {
      const args = `<version>${version}</version><options><maxWaitSeconds>10</maxWaitSeconds></options>`;
      const [update] = (await client.call('WaitForUpdatesEx', COLLECTOR, args)).returned;
      if (update === undefined) throw new Error('the task did not leave');
      version = field(update, 'version').text;
      if (deep(update, 'kind').some((kind) => kind.text === 'leave')) break;
    }
  });

  test('can end with a fault', async () => {
    await using scene = await open();
    scene.server.faults.add({ on: 'task', action: 'fail', fault: 'GenericVmConfigFault', message: 'disk full' });
    const task = taskOf(await scene.client.call('PowerOnVM_Task', VM));
    expect(await scene.client.waitFor(task, 'info.state', 'success', 'error')).toBe('error');
    const error = (await scene.client.properties(task, 'info.error')).get('info.error');
    expect(error === undefined ? [] : error.children.map((each) => each.xsiType ?? each.text)).toEqual([
      'GenericVmConfigFault',
      'disk full',
    ]);
    expect(scene.server.state().vms['vm']?.powerState).toBe('poweredOff');
  });

  test('can take as long as a test wants', async () => {
    await using scene = await open();
    const { promise, resolve } = Promise.withResolvers<void>();
    scene.server.faults.add({ on: 'task', action: 'hold', until: promise });
    const task = taskOf(await scene.client.call('PowerOnVM_Task', VM));
    expect((await scene.client.properties(task, 'info.state')).get('info.state')?.text).toBe('running');
    resolve();
    expect(await scene.client.waitFor(task, 'info.state', 'success', 'error')).toBe('success');
  });
});

describe('a VM after a lease', () => {
  test('can refuse calls while the host is still busy with it', async () => {
    await using scene = await open({ busyAfterLease: { times: 2, fault: 'TaskInProgress' } });
    const { client } = scene;
    const { lease } = await client.openLease(VM);
    await client.call('HttpNfcLeaseComplete', lease);
    expect(await client.call('ExportVm', VM)).toMatchObject({ fault: 'TaskInProgress' });
    expect(await client.call('PowerOnVM_Task', VM)).toMatchObject({ fault: 'TaskInProgress' });
    expect(await client.call('PowerOnVM_Task', VM)).toMatchObject({ fault: '' });
  });

  test('can have tasks that find its files locked', async () => {
    await using scene = await open({ busyAfterLease: { times: 1, fault: 'FileLocked' } });
    const { client } = scene;
    const { lease } = await client.openLease(VM);
    await client.call('HttpNfcLeaseAbort', lease);
    const ends: string[] = [];
    for (let round = 0; round < 2; round += 1) {
      const task = taskOf(await client.call('PowerOnVM_Task', VM));
      ends.push(await client.waitFor(task, 'info.state', 'success', 'error'));
    }
    expect(ends).toEqual(['error', 'success']);
  });
});

test('removing a snapshot can leave disks to consolidate, until that is done', async () => {
  await using scene = await open({ snapshots: [{ name: 's' }], snapshotRemoval: 'needs-consolidation' });
  const { client, server } = scene;
  const needed = async () =>
    (await client.properties(VM, 'runtime.consolidationNeeded')).get('runtime.consolidationNeeded')?.text;
  const [snapshot] = (await client.properties(VM, 'rootSnapshot')).get('rootSnapshot')?.children ?? [];
  await finished(client, await client.call('RemoveSnapshot_Task', `VirtualMachineSnapshot:${snapshot?.text}`, REMOVE));
  expect([server.state().vms['vm']?.snapshots, await needed()]).toEqual([[], 'true']);
  await finished(client, await client.call('ConsolidateVMDisks_Task', VM));
  expect(await needed()).toBe('false');
});

test.each([
  ['pauses in its middle', { action: 'silence', afterBytes: 1000, ms: 300 }],
  ['begins late', { action: 'late', ms: 300 }],
] as const)('a download that %s comes whole', async (_what, fault) => {
  await using scene = await open();
  scene.server.faults.add({ on: 'disk', ...fault });
  const { urls } = await scene.client.openLease(VM);
  const start = performance.now();
  const { bytes, broke } = await scene.client.download(urls.get('disk-0.vmdk'));
  expect(performance.now() - start).toBeGreaterThan(290);
  const whole = await scene.client.download(urls.get('disk-0.vmdk'));
  expect([broke, bytes.equals(whole.bytes)]).toEqual(['', true]);
});

describe('a descriptor', () => {
  const describeVm = async (client: RawClient, cdp: string) => {
    const args = `<obj type="VirtualMachine">vm-1</obj><cdp>${cdp}</cdp>`;
    const [result] = (await client.call('CreateDescriptor', 'OvfManager:OvfManager', args)).returned;
    if (result === undefined) throw new Error('there is no descriptor');
    return result;
  };

  test('made without files names all of them by their device keys', async () => {
    await using scene = await open({ nvram: Buffer.from('nvram') });
    const ovf = field(await describeVm(scene.client, '<name>x</name>'), 'ovfDescriptor').text;
    expect(ovf).toContain('<File ovf:href="/vm-1/VirtualLsiLogicController0:0" ovf:id="file1"/>');
    expect(ovf).toContain('<File ovf:href="/vm-1/nvram" ovf:id="file2"/>');
  });

  test('comes with an error for a passthrough device, which it leaves out', async () => {
    await using scene = await open({ passthrough: true }, { passthroughErrors: true });
    const result = await describeVm(scene.client, '');
    expect(field(result, 'ovfDescriptor').text).toContain('</Envelope>');
    const error = field(result, 'error');
    expect(field(error, 'fault').xsiType).toBe('OvfUnsupportedDeviceExport');
  });
});

test('an ESXi host says of no account which privileges it has', async () => {
  await using server = await startTestServer({
    apiType: 'HostAgent',
    privilegeChecks: false,
    vms: [{ name: 'vm', moRef: '1' }],
  });
  const client = new RawClient(server);
  await client.login();
  const args = '<entity type="VirtualMachine">1</entity><sessionId>x</sessionId><privId>System.View</privId>';
  const answer = await client.call('HasPrivilegeOnEntities', 'AuthorizationManager:ha-authmgr', args);
  expect(answer).toMatchObject({ status: 500, fault: 'NotSupported' });
});

function taskOf(answer: { returned: { text: string }[]; fault: string }): string {
  expect(answer.fault).toBe('');
  return `Task:${answer.returned[0]?.text}`;
}

async function finished(client: RawClient, answer: { returned: { text: string }[]; fault: string }): Promise<void> {
  expect(await client.waitFor(taskOf(answer), 'info.state', 'success', 'error')).toBe('success');
}

async function open(vm: Partial<VmOptions> = {}, options: TestServerOptions = {}) {
  const disks = [{ content: emptyContent(1 << 20) }];
  const server = await startTestServer({ ...options, vms: [{ name: 'vm', moRef: 'vm-1', disks, ...vm }] });
  const client = new RawClient(server);
  await client.login();
  return { server, client, [Symbol.asyncDispose]: () => server.close() };
}
