import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { TestServerOptions } from './options.ts';
import { sampleVms } from './sample-vms.ts';
import { startTestServer } from './test-server.ts';

const HELP = `Starts the test server with a few sample VMs, until Ctrl-C.

  node test/server/main.ts [options]

  --port N              port of the SOAP endpoint (a free one when unset)
  --esxi                an ESXi host instead of a vCenter
  --username, --password
  --disk FILE=BYTES     one more VM, "file", with this streamOptimized VMDK of that capacity as its disk
  --page-size N         objects per page of the property collector
  --lease-timeout SECONDS
  --manifest sha256|sha1|none
  --thumbprint sha1|sha256|none|unknown   what leases tell of the second listener's certificate
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
    'page-size': { type: 'string', default: '100' },
    'lease-timeout': { type: 'string', default: '300' },
    manifest: { type: 'string', default: 'sha256' },
    thumbprint: { type: 'string' },
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
  await using server = await startTestServer(options);
  if (values['ca-file'] !== undefined) await writeFile(values['ca-file'], server.certificatePem);
  const lines = [
    `url         ${server.url.href}`,
    `username    ${server.username}`,
    `password    ${server.password}`,
    `thumbprint  ${server.thumbprint.sha1}`,
    `            ${server.thumbprint.sha256}`,
    ...Object.entries(server.state().vms).map(([name, vm]) => `vm          ${name} (${vm.moRef}, ${vm.powerState})`),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  const { leases, sessions, downloads } = server.state();
  process.stdout.write(`${JSON.stringify({ leases, sessions, downloads }, undefined, 2)}\n`);
}

function oneOf<Word extends string>(words: readonly Word[], given: string): Word {
  const found = words.find((word) => word === given);
  if (found === undefined) throw new TypeError(`${given} is none of ${words.join(', ')}`);
  return found;
}
