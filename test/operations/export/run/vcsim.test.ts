import { expect } from '@jest/globals';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { listVms } from '../../../../src/operations/list/list-vms.ts';
import { checkStatus } from '../../../../src/operations/status/check-status.ts';
import {
  resolveConnectionSettings,
  type ConnectionSettings,
} from '../../../../src/vsphere/connection/connection-settings.ts';
import { testWithOracle } from '../../../oracles/oracle.ts';
import { outputOf } from '../../../oracles/run-program.ts';
import { createCertificateAuthority } from '../../../server/certificate.ts';
import { sparseContent, writeRawFile } from '../../../server/content-source.ts';
import { exportWith, ScratchFolder } from '../export-run.ts';
import { startRecordingProxy, type RecordingProxy } from '../recording-proxy.ts';
import { startVcsim } from '../vcsim-server.ts';

const GiB = 2 ** 30;
/** The capacity that the simulator reports for each of its disks. */
const CAPACITY_BYTES = 10 * GiB;
const CONTENT = sparseContent(
  CAPACITY_BYTES,
  [
    { offsetBytes: 0, lengthBytes: 300_000, fill: 'text' },
    { offsetBytes: 3 * GiB + 512, lengthBytes: 2_000_384, fill: 'random' },
    { offsetBytes: CAPACITY_BYTES - 99_840, lengthBytes: 99_840, fill: 'random' },
  ],
  'vcsim',
);

const SERVERS = [
  { kind: 'vCenter', flags: [], vm: 'DC0_H0_VM0', path: '/DC0/vm/DC0_H0_VM0' },
  { kind: 'ESXi host', flags: ['-esx'], vm: 'ha-host_VM0', path: '/ha-datacenter/vm/ha-host_VM0' },
];

for (const { kind, flags, vm, path } of SERVERS) {
  testWithOracle(
    ['vcsim', 'govc', 'qemu-img'],
    `a running VM of a simulated ${kind} is exported as its disk is, and nothing stays on the server`,
    async (oracles) => {
      await using scratch = await ScratchFolder.make();
      const authority = createCertificateAuthority('Test authority');
      const certificate = authority.issue({ commonName: 'vcsim.test', hosts: ['127.0.0.1'] });
      const files = {
        cert: join(scratch.path, 'cert.pem'),
        key: join(scratch.path, 'key.pem'),
        ca: join(scratch.path, 'ca.pem'),
      };
      await writeFile(files.cert, certificate.certificatePem);
      await writeFile(files.key, certificate.keyPem);
      await writeFile(files.ca, authority.certificatePem);
      await using server = await startVcsim(oracles, [...flags, '-tlscert', files.cert, '-tlskey', files.key]);
      await using proxy = await startRecordingProxy(server.url, certificate);
      const raw = await makeDisk(oracles['qemu-img'], scratch, await server.folderOf(vm));
      const connection = connectTo(proxy, files.ca);
      const context = { signal: new AbortController().signal, report: () => undefined };

      const listed = await listVms({ connection, glob: `${vm}*`, env: { XDG_STATE_HOME: scratch.path } }, context);
      expect(listed).toMatchObject([{ name: vm, inventoryPath: path, powerState: 'poweredOn' }]);
      expect(listed[0]?.disks).toMatchObject([{ capacityBytes: CAPACITY_BYTES }]);

      const output = scratch.path;
      const status = await checkStatus({ version: '0', connection, output, snapshot: true, env: {} }, context);
      // Privileges can only be checked on a vCenter.
      const unchecked = kind === 'ESXi host' ? [{ check: 'privileges', level: 'warning' }] : [];
      expect(status.findings.filter(({ level }) => level !== 'ok')).toMatchObject(unchecked);

      const power = { kind: 'snapshot', quiesce: false } as const;
      const run = await exportWith(connection, scratch, { vms: [vm], format: 'vmdk', power });
      expect(run.error).toBeUndefined();
      expect(await scratch.files()).toEqual([`${vm}-disk-1.vmdk`, `${vm}.mf`, ...(await nvramOf(scratch, vm))]);
      const disk = join(scratch.output, `${vm}-disk-1.vmdk`);
      const compared = await outputOf(oracles['qemu-img'], ['compare', '-f', 'vmdk', '-F', 'raw', disk, raw]);
      expect(compared).toBe('Images are identical.\n');

      await expectNothingLeft(server, proxy, vm);
      // A `*` in a URL stands for the host and port of the connection, here the proxy. Requests to any other host bypass the proxy.
      expect(proxy.downloads.map(({ cookie }) => cookie)).toEqual(kind === 'ESXi host' ? [true] : []);
      const secondRun = await exportWith(connection, scratch, { vms: [vm], format: 'ovf', power, force: true });
      expect(secondRun.error).toMatchObject({
        kind: 'transfer',
        message: expect.stringMatching(/does not write OVF descriptors/),
        hint: expect.stringMatching(/--format vmdk/),
      });
      expect(secondRun.events.filter((event) => event.type === 'disk-started')).toEqual([]);
      await expectNothingLeft(server, proxy, vm);
    },
    240_000,
  );
}

/** Replaces the VM's disk with a streamOptimized one that contains {@link CONTENT}. Returns the raw file to compare with. */
async function makeDisk(qemuImg: string, scratch: ScratchFolder, folder: string): Promise<string> {
  const [raw, vmdk] = [join(scratch.path, 'source.raw'), join(scratch.path, 'source.vmdk')];
  await writeRawFile(CONTENT, raw);
  await outputOf(qemuImg, ['convert', '-f', 'raw', '-O', 'vmdk', '-o', 'subformat=streamOptimized', raw, vmdk]);
  await copyFile(vmdk, join(folder, 'disk1.vmdk'));
  return raw;
}

function connectTo(proxy: RecordingProxy, caFile: string): ConnectionSettings {
  return resolveConnectionSettings({
    flags: { url: proxy.url.href, username: 'user', caFiles: [caFile] },
    timeoutMs: 60_000,
    env: { HYPER2KVM_PASSWORD: 'secret' },
    password: () => Promise.reject(new Error('the password is in the environment')),
  });
}

/** The simulator does not list its leases. Expects that each lease was ended through the connection that opened it. */
async function expectNothingLeft(
  server: Awaited<ReturnType<typeof startVcsim>>,
  { calls }: RecordingProxy,
  vm: string,
): Promise<void> {
  expect(await server.snapshots(vm)).toEqual([]);
  expect(await server.sessions()).toEqual([]);
  const opened = calls.filter(({ method }) => method === 'ExportSnapshot').map(({ answered }) => answered);
  const ended = calls.filter(({ method }) => /^HttpNfcLease(Complete|Abort)$/.test(method)).map(({ target }) => target);
  expect(opened.length).toBeGreaterThan(0);
  expect(ended).toEqual(opened);
  expect(calls.filter(({ method }) => method === 'Login')).toHaveLength(
    calls.filter(({ method }) => method === 'Logout').length,
  );
}

async function nvramOf(scratch: ScratchFolder, vm: string): Promise<string[]> {
  const nvram = `${vm}.nvram`;
  return readFile(join(scratch.output, nvram)).then(
    () => [nvram],
    () => [],
  );
}
