import { describe, expect, test } from '@jest/globals';
import { emptyContent } from './content-source.ts';
import type { TestServerOptions, VmOptions } from './options.ts';
import { deep, field, RawClient } from './raw-client.ts';
import { startTestServer } from './test-server.ts';
import type { XmlElement } from './xml-reader.ts';

const VM = 'VirtualMachine:vm-1';
const content = emptyContent(1 << 20);

describe('the devices of a VM', () => {
  test('can come shuffled, with the first disk behind its controller', async () => {
    const disks = [{ content }, { content }, { content }];
    await using scene = await open(
      { disks, networkAdapters: [{ macAddress: '00:50:56:00:00:01' }] },
      { deviceOrder: 'shuffled' },
    );
    const devices = await devicesOf(scene.client);
    expect(devices.map((device) => Number(field(device, 'key').text))).toEqual([2001, 2002, 4000, 1000, 200, 2000]);
  });

  test('are on controllers of several types and buses, and SCSI types share the bus numbers', async () => {
    const disks: VmOptions['disks'] = [
      { content, controller: 'pvscsi' },
      { content, controller: 'lsilogic' },
      { content, controller: 'pvscsi', busNumber: 3, unit: 5 },
      { content, controller: 'nvme' },
      { content, controller: 'ide' },
    ];
    await using scene = await open({ disks, iso: '[datastore1] a.iso', deviceOrder: 'by-key' });
    const devices = await devicesOf(scene.client);
    const buses = devices
      .filter((device) => field(device, 'busNumber').text !== '')
      .map((device) => [device.xsiType, ...['key', 'busNumber'].map((name) => Number(field(device, name).text))]);
    expect(buses).toEqual([
      ['VirtualIDEController', 200, 0],
      ['ParaVirtualSCSIController', 1000, 0],
      ['VirtualLsiLogicController', 1001, 1],
      ['ParaVirtualSCSIController', 1003, 3],
      ['VirtualNVMEController', 31000, 0],
    ]);
    const { info } = await scene.client.openLease(VM);
    expect(deep(info, 'key').map((each) => each.text)).toEqual([
      '/vm-1/VirtualIDEController0:1',
      '/vm-1/ParaVirtualSCSIController0:0',
      '/vm-1/VirtualLsiLogicController1:0',
      '/vm-1/ParaVirtualSCSIController3:5',
      '/vm-1/VirtualNVMEController0:0',
      '/vm-1/VirtualIDEController0:0',
    ]);
  });

  test('have a boot order and an owner, where the VM has them', async () => {
    const managedBy = { extensionKey: 'com.vmware.vim.eam', type: 'cluster-agent' };
    await using scene = await open({ disks: [{ content }, { content }], bootOrder: [1, 'cdrom'], managedBy });
    const read = await scene.client.properties(VM, 'config.bootOptions.bootOrder', 'config.managedBy');
    const order = read.get('config.bootOptions.bootOrder')?.children ?? [];
    expect(order.map((each) => [each.xsiType, field(each, 'deviceKey').text])).toEqual([
      ['VirtualMachineBootOptionsBootableDiskDevice', '2001'],
      ['VirtualMachineBootOptionsBootableCdromDevice', ''],
    ]);
    const config = (await scene.client.properties(VM, 'config')).get('config') ?? fail();
    expect(deep(config, 'bootOrder')[0]?.xsiType).toBe('VirtualMachineBootOptionsBootableDiskDevice');
    expect(read.get('config.managedBy')?.children.map((each) => each.text)).toEqual(Object.values(managedBy));
    expect(await scene.client.call('ExportVm', VM)).toMatchObject({ fault: 'MethodDisabled' });
  });
});

describe('the files of a lease', () => {
  test('are in an order of their own, in which an ISO image counts as the disks do', async () => {
    const disks = [{ content }, { content }];
    await using scene = await open({ disks, iso: '[datastore1] a.iso', lease: { order: 'reversed' } });
    const { info } = await scene.client.openLease(VM);
    expect(deep(info, 'deviceUrl').map((each) => [field(each, 'targetId').text, field(each, 'disk').text])).toEqual([
      ['disk-0.iso', 'false'],
      ['disk-1.vmdk', 'true'],
      ['disk-2.vmdk', 'true'],
    ]);
    expect(deep(info, 'key').map((each) => each.text.slice(-3))).toEqual(['0:0', '0:1', '0:0']);
  });

  test('have keys that count controllers of a type, on servers that do so', async () => {
    const disks: VmOptions['disks'] = [{ content }, { content, controller: 'pvscsi' }];
    await using scene = await open({ disks, lease: { keys: 'index' } });
    const { info } = await scene.client.openLease(VM);
    const keys = deep(info, 'key').map((each) => each.text);
    expect(keys).toEqual(['/vm-1/VirtualLsiLogicController0:0', '/vm-1/ParaVirtualSCSIController0:0']);
    const file = `<ovfFiles><deviceId>${keys[1]}</deviceId><path>x.vmdk</path><size>1</size></ovfFiles>`;
    const args = `<obj type="VirtualMachine">vm-1</obj><cdp>${file}</cdp>`;
    expect((await scene.client.call('CreateDescriptor', 'OvfManager:OvfManager', args)).fault).toBe('');
  });

  test('can be without target ids', async () => {
    await using scene = await open({ disks: [{ content }], lease: { targetIds: false } });
    const { info } = await scene.client.openLease(VM);
    expect(deep(info, 'targetId')).toEqual([]);
    expect(deep(info, 'disk').map((each) => each.text)).toEqual(['true']);
    expect(deep(info, 'url')[0]?.text).toMatch(/\/disk-0\.vmdk$/);
  });

  test('include NVRAM by its url alone, as real ones do', async () => {
    await using scene = await open({ nvram: Buffer.from('nvram') }, { nvramEntry: 'real' });
    const { info } = await scene.client.openLease(VM);
    const [entry] = deep(info, 'deviceUrl');
    expect(entry?.children.map((child) => child.name)).toEqual([
      'key',
      'importKey',
      'url',
      'sslThumbprint',
      'disk',
      'datastoreKey',
    ]);
    const url = entry === undefined ? '' : field(entry, 'url').text;
    expect(url).toMatch(/\/vm%20name\.nvram$/);
    expect((await scene.client.download(url)).bytes.toString()).toBe('nvram');
    expect(scene.server.state().diskRequests).toEqual({ nvram: 1 });
  });

  test('have the certificate of their host for clients of API version 9, unless the lease is wrong about it', async () => {
    await using scene = await open({ disks: [{ content }] });
    const { client, server } = scene;
    const certificates = async (version: string): Promise<string[]> => {
      const { lease } = await client.openLease(VM);
      const spec = `<specSet><propSet><type>HttpNfcLease</type><pathSet>info</pathSet></propSet><objectSet><obj type="HttpNfcLease">${lease.slice(lease.indexOf(':') + 1)}</obj></objectSet></specSet><options/>`;
      const { returned } = await client.call('RetrievePropertiesEx', COLLECTOR, spec, version);
      await client.call('HttpNfcLeaseAbort', lease);
      return returned.flatMap((each) => deep(each, 'sslCertificate')).map((each) => each.text.slice(0, 27));
    };
    expect(await certificates('8.0.3.0')).toEqual([]);
    expect(await certificates('9.0.0.0')).toEqual(['-----BEGIN CERTIFICATE-----']);
    server.faults.add({ on: 'lease', action: 'wrong-thumbprint' });
    expect(await certificates('9.0.0.0')).toEqual([]);
  });

  test('can have a thumbprint of a kind that nobody knows', async () => {
    await using scene = await open({ disks: [{ content }] }, { thumbprint: 'unknown' });
    const { info } = await scene.client.openLease(VM);
    expect(deep(info, 'sslThumbprint')[0]?.text).toMatch(/^SHA3-512:/);
  });

  test('of an ESXi host are below /ha-nfc/, without a thumbprint', async () => {
    await using scene = await open({ disks: [{ content }] }, { apiType: 'HostAgent' });
    const { info } = await scene.client.openLease(VM);
    expect(deep(info, 'url')[0]?.text).toMatch(/^https:\/\/\*\/ha-nfc\/[-0-9a-f]+\/disk-0\.vmdk$/);
    expect(deep(info, 'sslThumbprint')[0]?.text).toBe('');
  });
});

test('an export fails for an attached image whose file is gone', async () => {
  await using scene = await open({ iso: '[datastore1] gone.iso', isoMissing: true });
  const answer = await scene.client.call('ExportVm', VM);
  expect(answer).toMatchObject({ fault: 'FileNotFound', message: 'File [datastore1] gone.iso was not found' });
});

test('the layout names the files of each disk, a pair for every snapshot that it is on top of', async () => {
  await using scene = await open({ disks: [{ content }], snapshots: [{ name: 'a', children: [{ name: 'b' }] }] });
  const read = await scene.client.properties(VM, 'layoutEx', 'config.hardware.device');
  const layout = read.get('layoutEx') ?? fail();
  const names = new Map(
    deep(layout, 'file').map((file) => [field(file, 'key').text, field(file, 'name').text.replace(/.*\//, '')]),
  );
  const chainOf = (disk: XmlElement) =>
    deep(disk, 'chain').map((unit) => deep(unit, 'fileKey').map((key) => names.get(key.text)));
  const now = layout.children.find((child) => child.name === 'disk');
  const chain = [
    ['vm name.vmdk', 'vm name-flat.vmdk'],
    ['vm name-000001.vmdk', 'vm name-000001-sesparse.vmdk'],
    ['vm name-000002.vmdk', 'vm name-000002-sesparse.vmdk'],
  ];
  expect(chainOf(now ?? fail())).toEqual(chain);
  const snapshots = layout.children.filter((child) => child.name === 'snapshot');
  expect(snapshots.map((snapshot) => chainOf(snapshot))).toEqual([chain.slice(0, 1), chain.slice(0, 2)]);
  const backings = deep(read.get('config.hardware.device') ?? fail(), 'fileName').map((each) => each.text);
  expect(backings[0]).toBe('[datastore1] vm name/vm name-000002.vmdk');
});

const COLLECTOR = 'PropertyCollector:propertyCollector';

async function devicesOf(client: RawClient): Promise<XmlElement[]> {
  const read = await client.properties(VM, 'config.hardware.device');
  return read.get('config.hardware.device')?.children ?? [];
}

function fail(): never {
  throw new Error('the answer has no such element');
}

async function open(vm: Partial<VmOptions>, options: TestServerOptions = {}) {
  const server = await startTestServer({ ...options, vms: [{ name: 'vm name', moRef: 'vm-1', ...vm }] });
  const client = new RawClient(server);
  await client.login();
  return { server, client, [Symbol.asyncDispose]: () => server.close() };
}
