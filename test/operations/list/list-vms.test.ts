import { expect, test } from '@jest/globals';
import { listVms } from '../../../src/operations/list/list-vms.ts';
import type { ListedVm } from '../../../src/operations/list/list-types.ts';
import { emptyContent } from '../../server/content-source.ts';
import type { TestServerOptions, VmOptions } from '../../server/options.ts';
import { startTestServer } from '../../server/test-server.ts';
import { connectionTo, ScratchFolder } from '../export/export-run.ts';

const MiB = 1 << 20;

const VMS: VmOptions[] = [
  {
    name: 'web-01',
    folder: ['Linux'],
    disks: [{ content: emptyContent(MiB) }, { content: emptyContent(2 * MiB + 512) }],
  },
  { name: 'web-02', folder: ['Linux', 'old'], powerState: 'poweredOn' },
  { name: 'db/1 100%', powerState: 'suspended', guestFullName: 'Windows <2025> & more' },
  { name: 'golden', template: true, datacenter: 'DC1' },
  { name: 'secret', unreadable: true },
];

async function list(
  glob?: string,
  { check = false, ...options }: TestServerOptions & { check?: boolean } = {},
): Promise<{ listed: ListedVm[]; methods: string[] }> {
  await using server = await startTestServer({ vms: VMS, ...options });
  await using scratch = await ScratchFolder.make();
  const warnings: string[] = [];
  const context = {
    signal: new AbortController().signal,
    report: ({ message }: { message: string }) => warnings.push(message),
  };
  const listed = await listVms(
    { connection: connectionTo(server), glob, check, env: { XDG_STATE_HOME: scratch.path } },
    context,
  );
  expect(warnings).toEqual([]);
  expect(server.state().sessions).toEqual([]);
  return { listed, methods: server.state().calls.map(({ method }) => method) };
}

test.concurrent.each([100, 2, 1])('lists every VM by path, in pages of %i', async (pageSize) => {
  const { listed, methods } = await list(undefined, { pageSize });
  expect(listed.map(({ inventoryPath }) => inventoryPath)).toEqual([
    '/DC0/vm/Linux/old/web-02',
    '/DC0/vm/Linux/web-01',
    '/DC0/vm/db%2f1 100%25',
    '/DC0/vm/secret',
    '/DC1/vm/golden',
  ]);
  expect(methods.includes('ContinueRetrievePropertiesEx')).toBe(pageSize < 100);
  expect(methods.at(-1)).toBe('Logout');
});

test.concurrent('tells what a person wants to know of a VM', async () => {
  const { listed } = await list();
  expect(listed.find(({ name }) => name === 'web-01')).toMatchObject({
    moRef: expect.stringMatching(/^vm-\d+$/),
    powerState: 'poweredOff',
    template: false,
    guest: 'Debian GNU/Linux 12 (64-bit)',
    disks: [
      { label: 'Hard disk 1', capacityBytes: MiB },
      { label: 'Hard disk 2', capacityBytes: 2 * MiB + 512 },
    ],
    instanceUuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
    biosUuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
    usedBytes: 3 * MiB + 512,
    datastores: ['datastore1'],
    host: expect.stringMatching(/./),
    folder: '/DC0/vm/Linux',
  });
  expect(listed.find(({ name }) => name === 'db/1 100%')).toMatchObject({
    powerState: 'suspended',
    guest: 'Windows <2025> & more',
    disks: [],
  });
  // The account can see that the VM exists, but cannot read its properties.
  expect(listed.find(({ name }) => name === 'secret')).toMatchObject({ powerState: '', guest: '', disks: [] });
  expect(listed.find(({ name }) => name === 'golden')).toMatchObject({ template: true });
});

test.concurrent.each([
  ['web-*', ['web-02', 'web-01']],
  ['web-0?', ['web-02', 'web-01']],
  ['web-0[2-9]', ['web-02']],
  ['/DC0/vm/Linux/*', ['web-01']],
  ['DC0/vm/**', ['web-02', 'web-01', 'db/1 100%', 'secret']],
  ['db/1 100%', ['db/1 100%']],
  ['db%2f1*', ['db/1 100%']],
  ['golden', ['golden']],
  ['nothing*', []],
] as const)('shows for %j just %j', async (glob, names) => {
  expect((await list(glob)).listed.map(({ name }) => name)).toEqual(names);
});

test.concurrent('lists the VMs of an ESXi host', async () => {
  const { listed } = await list('web*', { apiType: 'HostAgent' });
  expect(listed.map(({ inventoryPath }) => inventoryPath)).toEqual([
    '/ha-datacenter/vm/web-01',
    '/ha-datacenter/vm/web-02',
  ]);
});

test.concurrent('tells which VMs extensions manage, and lists them all the same', async () => {
  const vcls = { name: 'vCLS-1', managedBy: { extensionKey: 'com.vmware.vim.eam', type: 'cluster-agent' } };
  const { listed } = await list('*', { vms: [{ name: 'web' }, vcls] });
  expect(listed.map(({ name, managedBy }) => [name, managedBy])).toEqual([
    ['vCLS-1', 'com.vmware.vim.eam'],
    ['web', ''],
  ]);
});

test.concurrent('tells which VMs can be exported, and why others cannot', async () => {
  const content = emptyContent(MiB);
  const vms: VmOptions[] = [
    { name: 'off', disks: [{ content }] },
    { name: 'on', powerState: 'poweredOn', disks: [{ content }] },
    { name: 'independent', disks: [{ content, mode: 'independent_persistent' }] },
    { name: 'secret', unreadable: true },
    { name: 'vCLS-1', managedBy: { extensionKey: 'com.vmware.vim.eam', type: 'cluster-agent' } },
  ];
  const { listed, methods } = await list(undefined, { vms, check: true });
  const checks = new Map(listed.map(({ name, check }) => [name, check]));
  expect(checks.get('off')).toMatchObject({ exportable: 'yes', problems: [] });
  expect(checks.get('on')).toMatchObject({ exportable: 'snapshot', problems: [] });
  expect(checks.get('independent')).toMatchObject({
    exportable: 'no',
    problems: [{ detail: expect.stringMatching(/^Hard disk 1 is independent/), hint: expect.stringMatching(/./) }],
  });
  expect(checks.get('secret')).toMatchObject({
    exportable: 'no',
    problems: [{ detail: expect.stringMatching(/does not return/) }],
  });
  expect(checks.get('vCLS-1')).toMatchObject({ exportable: 'no' });
  // One call for the VMs and one for their hosts, however many there are.
  expect(methods.filter((method) => method === 'RetrievePropertiesEx')).toHaveLength(2);
});

test.concurrent('without a check there is none', async () => {
  expect((await list('web-01')).listed[0]).not.toHaveProperty('check');
});
