import { describe, expect } from '@jest/globals';
import { readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { testWithOracle } from '../oracles/oracle.ts';
import { outputOf, runProgram } from '../oracles/run-program.ts';
import { emptyContent, mixedContent, randomContent, writeRawFile, type ContentSource } from './content-source.ts';
import type { TestServerOptions } from './options.ts';
import { startTestServer, type TestServer } from './test-server.ts';
import { TemporaryFolder } from '../temporary-folder.ts';

const MIB = 1 << 20;
const CONTENTS: ContentSource[] = [
  mixedContent(8 * MIB, 'system'),
  emptyContent(3 * MIB),
  randomContent(MIB + 512 * 3, 'data'),
];

/** Both kinds of server, with a page size so small that every listing takes several pages. */
const SERVERS: [name: string, options: TestServerOptions, root: string][] = [
  ['a vCenter', { apiType: 'VirtualCenter', pageSize: 2 }, '/DC0/vm/Linux'],
  ['an ESXi host', { apiType: 'HostAgent', pageSize: 2 }, '/ha-datacenter/vm'],
];

describe.each(SERVERS)('%s', (_name, options, root) => {
  testWithOracle('govc', 'is listed and described by govc', async ({ govc }) => {
    await using server = await start(options);
    const env = govcEnvironment(server);
    const about = await outputOf(govc, ['about'], env);
    expect(about).toContain(`API type:     ${options.apiType}`);
    const names = await outputOf(govc, ['ls', root], env);
    expect(names.split('\n')).toContain(`${root}/web`);
    const info = await outputOf(govc, ['vm.info', '-r', '-e', 'web'], env);
    expect(info).toMatch(/Path: +\/.*\/web\n/);
    expect(info).toContain('poweredOff');
    const devices = await outputOf(govc, ['device.ls', '-vm', 'web'], env);
    expect(devices.match(/VirtualDisk /g)).toHaveLength(3);
  });

  testWithOracle(['govc', 'qemu-img'], 'exports through a lease to govc', async ({ govc, 'qemu-img': qemuImg }) => {
    await using server = await start(options);
    await using folder = await TemporaryFolder.make('govc-');
    await outputOf(govc, ['export.ovf', '-vm', 'web', '-i', '-sha', '256', folder.path], govcEnvironment(server));
    const files = CONTENTS.map((_, index) => join(folder.path, 'web', `web-disk-${index}.vmdk`));
    await compareDisks(qemuImg, folder.path, files);
    const ovf = await readFile(join(folder.path, 'web', 'web.ovf'), 'utf8');
    expect(ovf.match(/ovf:fileRef=/g)).toHaveLength(3);
    expect(await readFile(join(folder.path, 'web', 'web.nvram'))).toEqual(Buffer.from('nvram'));
    expect(server.state().leases).toMatchObject([{ vm: 'web', outcome: 'completed' }]);
  });

  testWithOracle('govc', 'takes a snapshot, exports it and removes it for govc', async ({ govc }) => {
    await using server = await start(options);
    await using folder = await TemporaryFolder.make('govc-');
    const env = govcEnvironment(server);
    await outputOf(govc, ['snapshot.create', '-vm', 'running', 'for export'], env);
    await outputOf(govc, ['export.ovf', '-vm', 'running', '-snapshot', 'for export', folder.path], env);
    await outputOf(govc, ['snapshot.remove', '-vm', 'running', 'for export'], env);
    expect(server.state()).toMatchObject({
      leases: [{ vm: 'running', snapshot: 'for export', outcome: 'completed' }],
      vms: { running: { snapshots: [], locked: false } },
    });
  });

  testWithOracle('govc', 'switches power for govc, and refuses to export what runs', async ({ govc }) => {
    await using server = await start(options);
    const env = govcEnvironment(server);
    const refused = await runProgram(govc, ['export.ovf', '-vm', 'running', tmpdir()], env);
    expect(refused.stderr).toContain('current state (Powered on)');
    await outputOf(govc, ['vm.power', '-off', 'running'], env);
    expect(server.state().vms['running']?.powerState).toBe('poweredOff');
    await outputOf(govc, ['vm.power', '-on', 'running'], env);
    expect(server.state().vms['running']?.powerState).toBe('poweredOn');
  });

  testWithOracle('govc', 'takes the CD drive out of a VM that is off for govc', async ({ govc }) => {
    await using server = await startTestServer({ ...options, vms: [{ name: 'web', iso: '[datastore1] a.iso' }] });
    const env = govcEnvironment(server);
    expect(await outputOf(govc, ['device.ls', '-vm', 'web'], env)).toContain('cdrom-3000');
    await outputOf(govc, ['device.remove', '-vm', 'web', 'cdrom-3000'], env);
    expect(await outputOf(govc, ['device.ls', '-vm', 'web'], env)).not.toContain('cdrom-3000');
  });

  testWithOracle(['pyvmomi', 'qemu-img'], 'is listed and exported by pyvmomi', async (paths) => {
    await using server = await start(options);
    await using folder = await TemporaryFolder.make('pyvmomi-');
    const script = join(import.meta.dirname, '../oracles/pyvmomi_client.py');
    const args = [script, server.url.href, server.username, server.password, 'web', folder.path];
    const seen: PyvmomiReport = JSON.parse(await outputOf(paths.pyvmomi, args));
    expect(seen.session).toBe(server.username);
    expect(seen.vms.map((vm) => vm.name)).toEqual(['web', 'a%2fb 100%25', 'running']);
    expect(seen.vms.map((vm) => vm.net.length)).toEqual([0, 0, 2]);
    expect(seen.vms[2]?.net[1]).toEqual({
      mac: '00:50:56:01:02:04',
      device: 4000,
      plain: ['192.0.2.14', 'fe80::1'],
      addresses: [
        ['192.0.2.14', 24, 'manual', 'preferred'],
        ['fe80::1', 64, 'linklayer', 'deprecated'],
      ],
      gateways: ['192.0.2.1'],
    });
    expect(seen.vms[2]?.net[0]).toMatchObject({ device: -1, plain: ['172.17.0.1'], addresses: [] });
    expect(seen.vms[0]?.disks).toEqual(CONTENTS.map((content) => content.capacityBytes));
    expect(seen.manifest).toEqual(
      seen.files.map(({ key, size, sha256 }) => expect.objectContaining({ key, size, checksum: sha256 })),
    );
    const disks = seen.files.filter((file) => file.name.endsWith('.vmdk')).map((file) => join(folder.path, file.name));
    await compareDisks(paths['qemu-img'], folder.path, disks);
    const ovf = await readFile(seen.descriptor, 'utf8');
    for (const file of seen.files) expect(ovf).toContain(`ovf:href="${file.name}"`);
    for (const disk of disks) expect(ovf).toContain(`ovf:size="${(await stat(disk)).size}"`);
    expect(server.state()).toMatchObject({ leases: [{ outcome: 'completed' }], sessions: [] });
  });
});

/** The output of pyvmomi_client.py. */
interface PyvmomiReport {
  session: string;
  vms: { name: string; disks: number[]; net: unknown[] }[];
  files: { key: string; name: string; size: number; sha256: string }[];
  manifest: unknown[];
  descriptor: string;
}

async function start(options: TestServerOptions): Promise<TestServer> {
  return startTestServer({
    ...options,
    vms: [
      {
        name: 'web',
        folder: ['Linux'],
        nvram: Buffer.from('nvram'),
        firmware: 'efi',
        networkAdapters: [{ macAddress: '00:50:56:01:02:03' }],
        disks: CONTENTS.map((content) => ({ content })),
      },
      { name: 'a/b 100%', disks: [{ content: emptyContent(MIB) }] },
      {
        name: 'running',
        powerState: 'poweredOn',
        disks: [{ content: mixedContent(MIB, 'running') }],
        guestNet: {
          nics: [
            { macAddress: '02:42:ac:11:00:01', addresses: [{ address: '172.17.0.1' }], ipConfig: false },
            {
              macAddress: '00:50:56:01:02:04',
              deviceConfigId: 4000,
              addresses: [
                { address: '192.0.2.14', origin: 'manual' },
                { address: 'fe80::1', prefix: 64, origin: 'linklayer', state: 'deprecated' },
              ],
            },
          ],
          gateways: [{ nic: 1, address: '192.0.2.1' }],
        },
      },
    ],
  });
}

function govcEnvironment(server: TestServer): Record<string, string> {
  return {
    GOVC_URL: server.url.href,
    GOVC_USERNAME: server.username,
    GOVC_PASSWORD: server.password,
    GOVC_INSECURE: 'true',
    GOVC_PERSIST_SESSION: 'false',
  };
}

async function compareDisks(qemuImg: string, folder: string, vmdks: readonly string[]): Promise<void> {
  expect(vmdks.map((path) => basename(path))).toHaveLength(CONTENTS.length);
  for (const [index, content] of CONTENTS.entries()) {
    const raw = join(folder, `expected-${index}.raw`);
    await writeRawFile(content, raw);
    const said = await outputOf(qemuImg, ['compare', '-f', 'vmdk', '-F', 'raw', vmdks[index] ?? '', raw]);
    expect(said).toContain('Images are identical');
  }
}
