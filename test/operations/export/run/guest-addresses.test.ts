import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { GuestNetReport } from '../../../../src/operations/guest-net/types.ts';
import type { GuestNetOptions } from '../../../server/guest-net.ts';
import { randomContent } from '../../../server/content-source.ts';
import type { VmOptions } from '../../../server/options.ts';
import { startTestServer } from '../../../server/test-server.ts';
import { runExport, ScratchFolder, type ExportChoices } from '../export-run.ts';

const [LAN, DMZ] = ['00:50:56:00:00:0a', '00:50:56:00:00:0b'] as const;
const MIB = 2 ** 20;

/** As tools of Windows report two NICs, in another order than the devices, next to what the guest made. */
const WINDOWS: GuestNetOptions = {
  nics: [
    { macAddress: '02:42:ac:11:00:01', addresses: [{ address: '172.17.0.1', prefix: 16, origin: 'manual' }] },
    {
      macAddress: DMZ.toUpperCase(),
      deviceConfigId: 4001,
      network: 'DMZ',
      dhcp: true,
      addresses: [{ address: '198.51.100.7', prefix: 25, origin: 'dhcp' }],
    },
    {
      macAddress: LAN,
      deviceConfigId: 4000,
      network: 'LAN',
      dns: ['192.0.2.53', '192.0.2.54'],
      addresses: [
        { address: 'fe80::250:56ff:fe00:a', prefix: 64, origin: 'linklayer' },
        { address: '169.254.7.7', prefix: 16, origin: 'other' },
        { address: '192.0.2.10', origin: 'manual' },
        { address: '192.0.2.11', origin: 'manual', state: 'duplicate' },
        { address: '2001:DB8:0:0::10', prefix: 64, origin: 'manual' },
        { address: '2001:db8::dead:beef', prefix: 128, origin: 'random', state: 'deprecated' },
      ],
    },
  ],
  gateways: [
    { nic: 2, address: '192.0.2.1' },
    { nic: 2, address: 'fe80::1' },
    { nic: 1, address: '198.51.100.1' },
  ],
};
const KNOWN = [
  {
    mac: LAN,
    network: 'LAN',
    connected: true,
    addresses: [
      { address: '192.0.2.10', prefix: 24, origin: 'manual' },
      { address: '2001:db8::10', prefix: 64, origin: 'manual' },
      { address: '2001:db8::dead:beef', prefix: 128, origin: 'random' },
    ],
    gateways: ['192.0.2.1', 'fe80::1'],
    dns: ['192.0.2.53', '192.0.2.54'],
  },
  {
    mac: DMZ,
    network: 'DMZ',
    connected: true,
    addresses: [{ address: '198.51.100.7', prefix: 25, origin: 'dhcp' }],
    gateways: ['198.51.100.1'],
    dns: [],
  },
];

const vmWith = (options: Partial<VmOptions> = {}): VmOptions => ({
  name: 'web',
  powerState: 'poweredOn',
  networkAdapters: [{ macAddress: LAN }, { macAddress: DMZ }],
  guestNet: WINDOWS,
  disks: [{ content: randomContent(MIB, 'web') }],
  ...options,
});
const SNAPSHOT = { kind: 'snapshot', quiesce: false } as const;
const SHUTDOWN = { kind: 'shutdown', limitMinutes: 1, forcePowerOff: false, restart: false } as const;

async function exported(
  vm: VmOptions,
  scratch: ScratchFolder,
  options: ExportChoices = { power: SNAPSHOT },
): Promise<GuestNetReport | undefined> {
  await using server = await startTestServer({ vms: [vm] });
  const { result, error } = await runExport(server, scratch, options);
  expect(error).toBeUndefined();
  return result?.exported[0]?.guestNet;
}

test('a running guest: addresses by MAC address in device order, in the result and in a file next to it', async () => {
  await using scratch = await ScratchFolder.make();
  const guestNet = await exported(vmWith(), scratch, { power: SNAPSHOT, mode: 0o640 });
  const file = join(scratch.output, 'web.guest-net.json');
  expect(guestNet).toEqual({ readAt: expect.any(String), reason: null, file, nics: KNOWN });
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
    schemaVersion: 1,
    vm: 'web',
    instanceUuid: expect.stringMatching(/^[\da-f-]{36}$/),
    readAt: guestNet?.readAt,
    nics: KNOWN,
  });
  expect((await stat(file)).mode & 0o777).toBe(0o640);
});

test('tools of Linux report no origin, and servers for the whole guest; a bond has the MAC address of its NIC', async () => {
  await using scratch = await ScratchFolder.make();
  const guestNet: GuestNetOptions = {
    nics: [
      { macAddress: LAN, deviceConfigId: 4000, addresses: [] },
      { macAddress: LAN, addresses: [{ address: '192.0.2.10' }, { address: '2001:db8::1', prefix: 64 }] },
      { macAddress: DMZ, deviceConfigId: 4001, addresses: [{ address: '198.51.100.7' }], ipConfig: false },
    ],
    gateways: [{ nic: 1, address: '192.0.2.1' }],
    dns: ['192.0.2.53'],
  };
  expect((await exported(vmWith({ guestNet }), scratch))?.nics).toMatchObject([
    {
      mac: LAN,
      addresses: [
        { address: '192.0.2.10', prefix: 24, origin: 'unknown' },
        { address: '2001:db8::1', prefix: 64, origin: 'unknown' },
      ],
      gateways: ['192.0.2.1'],
      dns: ['192.0.2.53'],
    },
    { mac: DMZ, addresses: [{ address: '198.51.100.7', origin: 'unknown' }], gateways: [] },
  ]);
});

test('--shutdown reads them before the shutdown', async () => {
  await using scratch = await ScratchFolder.make();
  expect(await exported(vmWith(), scratch, { power: SHUTDOWN })).toMatchObject({ reason: null, nics: KNOWN });
});

test('a run that shut the guest down and failed leaves them to the next one', async () => {
  await using scratch = await ScratchFolder.make();
  await using server = await startTestServer({ vms: [vmWith()] });
  server.faults.add({ on: 'disk', action: 'status', status: 403 });
  const failed = await runExport(server, scratch, { power: SHUTDOWN, retries: 0 });
  expect(failed.error).toMatchObject({ kind: 'transfer' });
  expect(server.state().vms['web']?.powerState).toBe('poweredOff');
  const { result } = await runExport(server, scratch, { power: SHUTDOWN });
  expect(result?.exported[0]?.guestNet).toMatchObject({ reason: null, nics: KNOWN });
  expect(await scratch.files()).not.toContain('.web.hyper2kvm-resume');
});

test('of a guest whose tools do not run nothing is guessed, and no file is written', async () => {
  const silent: [reason: string, change: Partial<VmOptions>][] = [
    ['The VM is powered off.', { powerState: 'poweredOff' }],
    ['The VM is suspended.', { powerState: 'suspended' }],
    [
      'VMware Tools are not running in the guest. What the server still has of them may be outdated, and is not used.',
      { tools: 'notRunning' },
    ],
    ['VMware Tools are not running in the guest.', { tools: 'notInstalled', guestNet: { nics: [] } }],
    [
      'VMware Tools do not report a NIC of the VM.',
      { guestNet: { nics: [{ macAddress: '02:42:ac:11:00:01', addresses: [{ address: '172.17.0.1' }] }] } },
    ],
  ];
  await using scratch = await ScratchFolder.make();
  const vms = silent.map(([, change], index) => vmWith({ name: `web-${index}`, ...change }));
  await using server = await startTestServer({ vms });
  const { result } = await runExport(server, scratch, { vms: ['web-*'], power: SNAPSHOT });
  expect(result?.exported.map(({ guestNet }) => guestNet)).toEqual(
    silent.map(([reason]) => ({ readAt: null, reason, file: null, nics: [] })),
  );
  const files = await Promise.all(vms.map(({ name }) => readdir(join(scratch.output, name))));
  expect(files.flat().filter((name) => name.includes('guest-net'))).toEqual([]);
});

test('a file that somebody wrote is kept without --force; that of an earlier export is replaced', async () => {
  await using scratch = await ScratchFolder.make();
  await using server = await startTestServer({ vms: [vmWith()] });
  const file = join(scratch.output, 'web.guest-net.json');
  const run = async (options: ExportChoices): Promise<string> => {
    const { result } = await runExport(server, scratch, { power: SNAPSHOT, ...options });
    expect(result?.exported).toHaveLength(1);
    return result?.exported[0]?.warnings.join('\n') ?? '';
  };
  await run({});
  const byHand = JSON.stringify({ nics: [] });
  await writeFile(file, byHand);
  // Another format has other file names.
  expect(await run({ format: 'ova' })).toContain(
    `${file} was not written by an earlier export of this VM and is kept.`,
  );
  expect(await readFile(file, 'utf8')).toBe(byHand);
  await run({ force: true });
  const first = await readFile(file, 'utf8');
  expect(await run({ format: 'raw' })).not.toContain('guest-net');
  expect(await readFile(file, 'utf8')).not.toBe(first);
});

test('generations and records of complete exports have them', async () => {
  await using scratch = await ScratchFolder.make();
  await using server = await startTestServer({ vms: [vmWith()] });
  const options = { format: 'ova', power: SNAPSHOT, keep: 1 } as const;
  for (const removed of [0, 1]) {
    const [vm] = (await runExport(server, scratch, options)).result?.exported ?? [];
    expect(vm?.guestNet?.file).toBe(join(vm?.output ?? '', 'web.guest-net.json'));
    expect(await readFile(vm?.guestNet?.file ?? '', 'utf8')).toContain('192.0.2.10');
    expect(vm?.generations?.removed).toHaveLength(removed);
  }
  const other = { output: join(scratch.path, 'other'), power: SNAPSHOT, skipExisting: true } as const;
  await runExport(server, scratch, other);
  const record = await readFile(join(other.output, '.web.hyper2kvm-whole'), 'utf8');
  expect(JSON.parse(record)).toMatchObject({ result: { guestNet: { nics: KNOWN } } });
});
