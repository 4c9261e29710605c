import { describe, expect, test } from '@jest/globals';
import { emptyContent } from './content-source.ts';
import type { TestServerOptions } from './options.ts';
import { deep, field, filterSpec, RawClient } from './raw-client.ts';
import { startTestServer } from './test-server.ts';

const COLLECTOR = 'PropertyCollector:propertyCollector';
const VM = 'VirtualMachine:vm-1';

describe('properties that are read without a session', () => {
  const readName = (client: RawClient, method = 'RetrievePropertiesEx') =>
    client.call(method, COLLECTOR, `${filterSpec('specSet', VM, ['name', 'config'])}${OPTIONS[method] ?? ''}`);

  test.each(['RetrievePropertiesEx', 'RetrieveProperties'])('are all missing in an answer to %s', async (method) => {
    await using scene = await open({ propertiesWithoutSession: 'missing-set' });
    scene.server.endSessions();
    const { status, fault, returned } = await readName(scene.client, method);
    expect([status, fault]).toEqual([200, '']);
    const all = { name: '', type: undefined, xsiType: undefined, text: '', children: returned };
    const missing = deep(all, 'missingSet');
    expect(missing.map((each) => field(each, 'path').text)).toEqual(['name', 'config']);
    const faults = missing.map((each) => field(field(each, 'fault'), 'fault').xsiType);
    expect(faults).toEqual(['NotAuthenticated', 'NotAuthenticated']);
    expect(deep(all, 'propSet')).toEqual([]);
  });

  test('can come to nothing at all', async () => {
    await using scene = await open({ propertiesWithoutSession: 'nothing' });
    scene.server.endSessions();
    expect(await readName(scene.client)).toMatchObject({ status: 200, fault: '', returned: [] });
  });

  test('come to nothing when they are those of a view, which is gone with its session', async () => {
    await using scene = await open({ propertiesWithoutSession: 'missing-set' });
    const container =
      '<container type="Folder">group-d1</container><type>VirtualMachine</type><recursive>true</recursive>';
    const [view] = (await scene.client.call('CreateContainerView', 'ViewManager:ViewManager', container)).returned;
    const spec = `<specSet><propSet><type>VirtualMachine</type><pathSet>name</pathSet></propSet><objectSet><obj type="ContainerView">${view?.text}</obj><skip>true</skip><selectSet xsi:type="TraversalSpec"><type>ContainerView</type><path>view</path></selectSet></objectSet></specSet>`;
    const read = () => scene.client.call('RetrievePropertiesEx', COLLECTOR, `${spec}<options/>`);
    expect((await read()).returned.flatMap((each) => deep(each, 'val')).map((each) => each.text)).toEqual(['vm']);
    scene.server.endSessions();
    expect(await read()).toMatchObject({ status: 200, fault: '', returned: [] });
    await scene.client.login();
    expect(await read()).toMatchObject({ fault: 'ManagedObjectNotFound' });
  });

  test('are there again after a login, and other calls say that there is no session', async () => {
    await using scene = await open({ propertiesWithoutSession: 'missing-set' });
    scene.server.endSessions();
    const filter = `${filterSpec('spec', VM, ['name'])}<partialUpdates>false</partialUpdates>`;
    expect(await scene.client.call('CreateFilter', COLLECTOR, filter)).toMatchObject({ fault: 'NotAuthenticated' });
    expect(await scene.client.call('ExportVm', VM)).toMatchObject({ fault: 'NotAuthenticated' });
    await scene.client.login();
    expect((await scene.client.properties(VM, 'name')).get('name')?.text).toBe('vm');
  });
});

test.each([
  ['ends with the session that opened it', true, 'session-ended', 'ManagedObjectNotFound'],
  ['can outlive its session, as it does not on real servers', false, 'open', ''],
] as const)('a lease %s', async (_what, leasesEndWithSession, outcome, fault) => {
  await using scene = await open({ leasesEndWithSession });
  const { client, server } = scene;
  const { lease, urls } = await client.openLease(VM);
  server.endSessions();
  const locked = outcome === 'open';
  expect(server.state()).toMatchObject({ leases: [{ outcome }], vms: { vm: { locked } } });
  await client.login();
  expect(await client.call('HttpNfcLeaseProgress', lease, '<percent>1</percent>')).toMatchObject({ fault });
  expect((await client.download(urls.get('disk-0.vmdk'))).status).toBe(locked ? 200 : 404);
});

test('a cookie can come with the login only', async () => {
  await using server = await startTestServer({ cookie: 'login' });
  const client = new RawClient(server);
  await client.call('RetrieveServiceContent', 'ServiceInstance:ServiceInstance');
  await client.call('Login', 'SessionManager:SessionManager', '<userName>x</userName><password/>');
  expect(client.cookie).toBe('');
  await client.login();
  expect(client.cookie).toMatch(/^vmware_soap_session="[0-9a-f]+"$/);
  expect(await client.call('CurrentTime', 'ServiceInstance:ServiceInstance')).toMatchObject({ status: 200 });
  expect(server.state().sessions).toHaveLength(1);
});

test('further pages can be denied to an account, which may still read without pages', async () => {
  const vms = ['a', 'b', 'c'].map((name) => ({ name }));
  await using server = await startTestServer({ pagingDenied: true, pageSize: 2, vms });
  const client = new RawClient(server);
  await client.login();
  const objects = Object.values(server.state().vms).map(
    (vm) => `<objectSet><obj type="VirtualMachine">${vm.moRef}</obj></objectSet>`,
  );
  const spec = `<specSet><propSet><type>VirtualMachine</type><pathSet>name</pathSet></propSet>${objects.join('')}</specSet>`;
  const page = (await client.call('RetrievePropertiesEx', COLLECTOR, `${spec}<options/>`)).returned[0];
  const token = page === undefined ? '' : deep(page, 'token')[0]?.text;
  const next = await client.call('ContinueRetrievePropertiesEx', COLLECTOR, `<token>${token}</token>`);
  expect(next.fault).toBe('NoPermission');
  expect(next.returned.map((each) => each.text)).toEqual(['group-d1', 'System.View']);
  expect((await client.call('RetrieveProperties', COLLECTOR, spec)).returned).toHaveLength(3);
});

const OPTIONS: Record<string, string> = { RetrievePropertiesEx: '<options/>' };

async function open(options: TestServerOptions) {
  const server = await startTestServer({
    ...options,
    vms: [{ name: 'vm', moRef: 'vm-1', disks: [{ content: emptyContent(1 << 20) }] }],
  });
  const client = new RawClient(server);
  await client.login();
  return { server, client, [Symbol.asyncDispose]: () => server.close() };
}
