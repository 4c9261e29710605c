import { once } from 'node:events';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { dataRanges, rawFileContent, writeRawFile } from './content-source.ts';
import type { TestServerOptions } from './options.ts';
import { sampleVms } from './sample-vms.ts';
import { startTestServer, type TestServer } from './test-server.ts';

const HELP = `Starts the test server with a few sample VMs, until Ctrl-C.

  node test/server/main.ts [options]

  --port N              port of the SOAP endpoint (a free one when unset)
  --esxi                an ESXi host instead of a vCenter
  --username, --password
  --disk FILE=BYTES     one more VM, "file", with this streamOptimized VMDK of that capacity as its disk
  --raw FILE            one more VM, "raw", with this raw image as its disk; NFC can read it
  --guest RATE          guests of the VMs that run write this many records per second to their disks
  --snapshots DIR       at the end, write each disk of each snapshot that was made to DIR/VM-SNAPSHOT-DISK.raw
  --page-size N         objects per page of the property collector
  --lease-timeout SECONDS
  --manifest sha256|sha1|none
  --thumbprint sha1|sha256|none|unknown   what leases tell of the second listener's certificate
  --nfc                 the NFC service, with an endpoint at a free port
  --nfc-port N          the same, at this port
  --nfc-like 7.0.3|8.0  the release whose behavior the NFC service follows (8.0)
  --ca-file FILE        write the certificate here, for clients that want to trust it
`;

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', short: 'h' },
    port: { type: 'string', default: '0' },
    esxi: { type: 'boolean', default: false },
    username: { type: 'string', default: 'administrator@vsphere.local' },
    password: { type: 'string', default: 'secret' },
    disk: { type: 'string' },
    raw: { type: 'string' },
    guest: { type: 'string' },
    snapshots: { type: 'string' },
    'page-size': { type: 'string', default: '100' },
    'lease-timeout': { type: 'string', default: '300' },
    manifest: { type: 'string', default: 'sha256' },
    thumbprint: { type: 'string' },
    nfc: { type: 'boolean', default: false },
    'nfc-port': { type: 'string' },
    'nfc-like': { type: 'string', default: '8.0' },
    'ca-file': { type: 'string' },
  },
});

if (values.help === true) {
  process.stdout.write(HELP);
} else {
  await serve();
}

async function serve(): Promise<void> {
  const vms = sampleVms();
  if (values.disk !== undefined) {
    const [file = '', capacity = ''] = values.disk.split('=');
    vms.push({ name: 'file', disks: [{ content: { file, capacityBytes: Number(capacity) } }] });
  }
  if (values.raw !== undefined) {
    const { size } = await stat(values.raw);
    const ranges = await dataRanges(rawFileContent(values.raw, size));
    vms.push({ name: 'raw', disks: [{ content: rawFileContent(values.raw, size, ranges) }] });
  }
  const options: TestServerOptions = {
    apiType: values.esxi ? 'HostAgent' : 'VirtualCenter',
    credentials: { username: values.username, password: values.password },
    listen: { port: Number(values.port) },
    pageSize: Number(values['page-size']),
    leaseTimeoutSeconds: Number(values['lease-timeout']),
    manifest: oneOf(['sha256', 'sha1', 'none'], values.manifest),
    vms,
  };
  if (values.thumbprint !== undefined) {
    options.thumbprint = oneOf(['sha1', 'sha256', 'none', 'unknown'], values.thumbprint);
  }
  if (values.nfc || values['nfc-port'] !== undefined) {
    options.nfc = { port: Number(values['nfc-port'] ?? 0), like: oneOf(['7.0.3', '8.0'], values['nfc-like']) };
  }
  await using server = await startTestServer(options);
  if (values['ca-file'] !== undefined) await writeFile(values['ca-file'], server.certificatePem);
  const lines = [
    `url         ${server.url.href}`,
    `username    ${server.username}`,
    `password    ${server.password}`,
    `thumbprint  ${server.thumbprint.sha1}`,
    `            ${server.thumbprint.sha256}`,
    ...(server.nfc === undefined ? [] : [`nfc         ${server.nfc.host}:${server.nfc.port}`]),
    ...Object.entries(server.state().vms).map(([name, vm]) => `vm          ${name} (${vm.moRef}, ${vm.powerState})`),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  const running = Object.entries(server.state().vms).filter(([, { powerState }]) => powerState === 'poweredOn');
  const guests = running.map(([name]) =>
    server.disks.startGuest(name, { recordsPerSecond: Number(values.guest ?? 0) }),
  );
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  for (const guest of guests) guest.stop();
  if (values.snapshots !== undefined) await writeSnapshots(server, values.snapshots);
  const { leases, sessions, downloads, nfc } = server.state();
  process.stdout.write(`${JSON.stringify({ leases, sessions, downloads, nfc }, undefined, 2)}\n`);
}

/** Writes what each snapshot has frozen, to compare copies by other programs with. */
async function writeSnapshots(server: TestServer, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const vm of Object.keys(server.state().vms)) {
    for (const { ref, disks } of server.disks.snapshots(vm)) {
      for (let disk = 0; disk < disks; disk += 1) {
        const file = join(folder, `${encodeURIComponent(vm)}-${ref}-${disk}.raw`);
        await writeRawFile(server.disks.content(vm, disk, ref), file);
      }
    }
  }
}

function oneOf<Word extends string>(words: readonly Word[], given: string): Word {
  const found = words.find((word) => word === given);
  if (found === undefined) throw new TypeError(`${given} is none of ${words.join(', ')}`);
  return found;
}
