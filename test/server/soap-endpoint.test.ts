import { expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { emptyContent } from './content-source.ts';
import { deep, field, filterSpec, RawClient } from './raw-client.ts';
import { startTestServer } from './test-server.ts';

const COLLECTOR = 'PropertyCollector:propertyCollector';
const ROOT = 'Folder:group-d1';
const VMS = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, moRef: `vm-${name}` }));

test('a wrong password is refused, and nothing else works without a login', async () => {
  await using server = await startTestServer();
  const client = new RawClient(server);
  const refused = await client.call('Login', 'SessionManager:SessionManager', '<userName>x</userName><password/>');
  expect(refused).toMatchObject({ status: 500, fault: 'InvalidLogin' });
  expect(await client.call('CurrentTime', 'ServiceInstance:ServiceInstance')).toMatchObject({
    fault: 'NotAuthenticated',
  });
  expect(await client.call('RetrieveServiceContent', 'ServiceInstance:ServiceInstance')).toMatchObject({ status: 200 });
});

test('the session is a quoted cookie, and ends by logout', async () => {
  await using server = await startTestServer();
  const client = new RawClient(server);
  await client.login();
  expect(client.cookie).toMatch(/^vmware_soap_session="[0-9a-f]+"$/);
  expect(server.state().sessions).toHaveLength(1);
  await client.call('Logout', 'SessionManager:SessionManager');
  expect(server.state().sessions).toEqual([]);
  expect(await client.call('CurrentTime', 'ServiceInstance:ServiceInstance')).toMatchObject({
    fault: 'NotAuthenticated',
  });
});

test('an idle session is over', async () => {
  await using server = await startTestServer({ sessionIdleSeconds: 0.1 });
  const client = new RawClient(server);
  await client.login();
  await sleep(200);
  expect(await client.call('CurrentTime', 'ServiceInstance:ServiceInstance')).toMatchObject({
    fault: 'NotAuthenticated',
  });
});

test.each([
  ['a wrong order', '<password>x</password><userName>y</userName>', 'stands in the wrong place'],
  ['an unknown element', '<userName>y</userName><password>x</password><domain/>', 'Unexpected element "domain"'],
  ['a missing element', '<userName>y</userName>', 'Required property password'],
])('%s in the arguments is an invalid request', async (_what, args, message) => {
  await using server = await startTestServer();
  const answer = await new RawClient(server).call('Login', 'SessionManager:SessionManager', args);
  expect(answer).toMatchObject({ status: 500, fault: 'InvalidRequest' });
  expect(answer.message).toContain(message);
});

test('an order that is wrong deep inside a spec is an invalid request', async () => {
  await using server = await startTestServer();
  const client = new RawClient(server);
  await client.login();
  const spec = filterSpec('specSet', ROOT, ['name']).replace(/(<propSet>.*<\/propSet>)(.*<\/objectSet>)/, '$2$1');
  const answer = await client.call('RetrievePropertiesEx', COLLECTOR, `${spec}<options/>`);
  expect(answer).toMatchObject({ fault: 'InvalidRequest' });
});

test('an API version that the server does not name is refused by its fault code', async () => {
  await using server = await startTestServer({ versions: ['7.0.0.0', '6.7'] });
  const client = new RawClient(server);
  const answer = await client.call('RetrieveServiceContent', 'ServiceInstance:ServiceInstance', '', '8.0.3.0');
  expect(answer).toMatchObject({ status: 500, fault: 'VersionMismatchFaultCode' });
  const about = await client.call('RetrieveServiceContent', 'ServiceInstance:ServiceInstance', '', '6.7');
  expect(about.status).toBe(200);
});

test('an unknown object, property and method are told apart', async () => {
  await using server = await startTestServer();
  const client = new RawClient(server);
  await client.login();
  expect(await client.call('ExportVm', 'VirtualMachine:vm-999')).toMatchObject({ fault: 'ManagedObjectNotFound' });
  expect(await client.call('Reboot', ROOT)).toMatchObject({ fault: 'InvalidRequest' });
  const spec = filterSpec('specSet', ROOT, ['nmae']);
  const answer = await client.call('RetrievePropertiesEx', COLLECTOR, `${spec}<options/>`);
  expect(answer).toMatchObject({ fault: 'InvalidProperty' });
});

test('a listing comes in pages, each token good once', async () => {
  await using server = await startTestServer({ pageSize: 2, vms: VMS });
  const client = new RawClient(server);
  await client.login();
  const args = `<container type="Folder">group-d1</container><type>VirtualMachine</type><recursive>true</recursive>`;
  const view = (await client.call('CreateContainerView', 'ViewManager:ViewManager', args)).returned[0]?.text ?? '';
  const spec = `<specSet><propSet><type>VirtualMachine</type><pathSet>name</pathSet></propSet><objectSet><obj type="ContainerView">${view}</obj><skip>true</skip><selectSet xsi:type="TraversalSpec"><type>ContainerView</type><path>view</path></selectSet></objectSet></specSet>`;
  const names: string[] = [];
  let answer = await client.call('RetrievePropertiesEx', COLLECTOR, `${spec}<options/>`);
  const firstToken = deep(answer.returned[0] ?? fail(), 'token')[0]?.text;
  let pages = 0;
  for (;;) {
    const page = answer.returned[0] ?? fail();
    pages += 1;
    names.push(...deep(page, 'val').map((val) => val.text));
    const token = field(page, 'token').text;
    if (token === '') break;
    answer = await client.call('ContinueRetrievePropertiesEx', COLLECTOR, `<token>${token}</token>`);
  }
  expect([pages, names]).toEqual([3, ['a', 'b', 'c', 'd', 'e']]);
  const again = await client.call('ContinueRetrievePropertiesEx', COLLECTOR, `<token>${firstToken}</token>`);
  expect(again.fault).toBe('InvalidArgument');
});

test('what the account may not read is named in the missing set', async () => {
  await using server = await startTestServer({ vms: [{ name: 'secret', moRef: 'vm-1', unreadable: true }] });
  const client = new RawClient(server);
  await client.login();
  const spec = filterSpec('specSet', 'VirtualMachine:vm-1', ['name', 'config']);
  const { returned } = await client.call('RetrievePropertiesEx', COLLECTOR, `${spec}<options/>`);
  const missing = deep(returned[0] ?? fail(), 'missingSet')[0] ?? fail();
  expect(field(missing, 'path').text).toBe('config');
  expect(deep(missing, 'fault')[0]?.children.map((child) => child.xsiType)).toEqual(['NoPermission', undefined]);
});

test('an update says only what has changed, in steps of the size that was asked for', async () => {
  await using server = await startTestServer({ vms: VMS });
  const client = new RawClient(server);
  await client.login();
  const specs = VMS.map((vm) => `<objectSet><obj type="VirtualMachine">${vm.moRef}</obj></objectSet>`).join('');
  const spec = `<spec><propSet><type>VirtualMachine</type><pathSet>runtime.powerState</pathSet></propSet>${specs}</spec>`;
  await client.call('CreateFilter', COLLECTOR, `${spec}<partialUpdates>false</partialUpdates>`);
  const wait = (version: string, seconds: number) =>
    client.call(
      'WaitForUpdatesEx',
      COLLECTOR,
      `<version>${version}</version><options><maxWaitSeconds>${seconds}</maxWaitSeconds><maxObjectUpdates>3</maxObjectUpdates></options>`,
    );
  const first = (await wait('', 0)).returned[0] ?? fail();
  expect([field(first, 'truncated').text, deep(first, 'objectSet').length]).toEqual(['true', 3]);
  const second = (await wait('1', 0)).returned[0] ?? fail();
  expect([field(second, 'truncated').text, deep(second, 'objectSet').length]).toEqual(['', 2]);
  expect((await wait('2', 0)).returned).toEqual([]);
  const waiting = wait('2', 10);
  await client.call('PowerOnVM_Task', 'VirtualMachine:vm-c');
  const third = (await waiting).returned[0] ?? fail();
  expect(deep(third, 'val').map((val) => [val.xsiType, val.text])).toEqual([['VirtualMachinePowerState', 'poweredOn']]);
  expect((await wait('2', 0)).returned[0]?.children[0]?.text).toBe('4');
  expect((await wait('17', 0)).fault).toBe('InvalidCollectorVersion');
});

test('a VM is found by path, by both of its UUIDs, and with its name escaped', async () => {
  const vm = {
    name: 'a/b 5%',
    folder: ['Web'],
    biosUuid: 'B',
    instanceUuid: 'I',
    disks: [{ content: emptyContent(512) }],
  };
  await using server = await startTestServer({ vms: [{ ...vm, moRef: 'vm-7' }] });
  const client = new RawClient(server);
  await client.login();
  const find = async (method: string, args: string) =>
    (await client.call(method, 'SearchIndex:SearchIndex', args)).returned[0]?.text;
  expect(await find('FindByInventoryPath', '<inventoryPath>DC0/vm/Web/a%2fb 5%25</inventoryPath>')).toBe('vm-7');
  expect(await find('FindByInventoryPath', '<inventoryPath>DC0/vm/Web/other</inventoryPath>')).toBeUndefined();
  expect(await find('FindByUuid', '<uuid>b</uuid><vmSearch>true</vmSearch>')).toBe('vm-7');
  const instance = '<uuid>i</uuid><vmSearch>true</vmSearch><instanceUuid>true</instanceUuid>';
  expect(await find('FindByUuid', instance)).toBe('vm-7');
  expect((await client.properties('VirtualMachine:vm-7', 'name')).get('name')?.text).toBe('a%2fb 5%25');
});

test('privileges that the account lacks are told, and the calls that need them refused', async () => {
  await using server = await startTestServer({
    missingPrivileges: ['VApp.Export'],
    vms: [{ name: 'a', moRef: 'vm-1' }],
  });
  const client = new RawClient(server);
  await client.login();
  const args =
    '<entity type="VirtualMachine">vm-1</entity><sessionId>x</sessionId><privId>VApp.Export</privId><privId>System.View</privId>';
  const { returned } = await client.call('HasPrivilegeOnEntities', 'AuthorizationManager:AuthorizationManager', args);
  expect(deep(returned[0] ?? fail(), 'isGranted').map((each) => each.text)).toEqual(['false', 'true']);
  expect(await client.call('ExportVm', 'VirtualMachine:vm-1')).toMatchObject({ fault: 'NoPermission' });
});

test('the clock can be ahead', async () => {
  await using server = await startTestServer({ clockSkewSeconds: 3600 });
  const client = new RawClient(server);
  await client.login();
  const { returned } = await client.call('CurrentTime', 'ServiceInstance:ServiceInstance');
  expect(Date.parse(returned[0]?.text ?? '') - Date.now()).toBeGreaterThan(3_590_000);
});

function fail(): never {
  throw new Error('the answer has no such element');
}
