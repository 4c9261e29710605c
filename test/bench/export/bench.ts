import { fork } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { resolveConnectionSettings } from '../../../src/vsphere/connection-settings.ts';
import { HttpNfcLease } from '../../../src/vsphere/nfc-lease.ts';
import { VsphereClient } from '../../../src/vsphere/vsphere-client.ts';
import { findOracle } from '../../oracles/find-oracle.ts';
import { measureRun, median, type MeasuredRun } from '../measured-run.ts';

/**
 * `npm run bench:export`: one disk over TLS to a file, by curl, by `govc export.ovf` and by `hyper2kvm export`, in turn and several times. Each ratio is to
 * curl's, which neither hashes nor looks at what it writes.
 */
const { values } = parseArgs({
  options: { 'size-mib': { type: 'string', default: '2048' }, runs: { type: 'string', default: '5' } },
});
const capacityBytes = Number(values['size-mib']) * 1024 * 1024;
const runs = Number(values.runs);
const folder = join(tmpdir(), 'hyper2kvm-bench');
const output = join(folder, 'out');
const CLI = fileURLToPath(new URL('../../../bin/run.js', import.meta.url));

interface Served {
  url: string;
  username: string;
  password: string;
  thumbprint: { sha1: string; sha256: string };
  sizeBytes: number;
}

await mkdir(folder, { recursive: true });
const serve = fork(fileURLToPath(new URL('serve.ts', import.meta.url)), [
  join(folder, `disk-${capacityBytes}.vmdk`),
  String(capacityBytes),
]);
const served = await new Promise<Served>((resolve) => void serve.once('message', resolve));
try {
  const results = new Map<string, MeasuredRun[]>();
  for (let run = 0; run < runs; run += 1) {
    for (const [name, once_] of Object.entries(await peers(served))) {
      await rm(output, { recursive: true, force: true });
      await mkdir(output, { recursive: true });
      results.set(name, [...(results.get(name) ?? []), await once_()]);
    }
  }
  print(results, served.sizeBytes);
} finally {
  serve.disconnect();
  await rm(output, { recursive: true, force: true });
}

async function peers({
  url,
  username,
  password,
  thumbprint,
}: Served): Promise<Record<string, () => Promise<MeasuredRun>>> {
  const govc = findOracle('govc');
  const ownEnv = {
    HYPER2KVM_URL: url,
    HYPER2KVM_USERNAME: username,
    HYPER2KVM_PASSWORD: password,
    HYPER2KVM_THUMBPRINT: thumbprint.sha256,
    XDG_STATE_HOME: join(folder, 'state'),
  };
  const govcEnv = { GOVC_URL: url, GOVC_USERNAME: username, GOVC_PASSWORD: password, GOVC_INSECURE: '1' };
  return {
    curl: () => curl(ownEnv),
    ...(govc === undefined
      ? {}
      : { 'govc export.ovf': () => measureRun(govc, ['export.ovf', '-vm', 'bench', output], govcEnv) }),
    'hyper2kvm export': () => measureRun(process.execPath, [CLI, 'export', 'bench', '-o', output], ownEnv),
  };
}

/** curl gets the url of a lease that is opened and ended around it. */
async function curl(env: NodeJS.ProcessEnv): Promise<MeasuredRun> {
  const { signal } = new AbortController();
  const client = new VsphereClient(
    resolveConnectionSettings({
      flags: { timeoutMs: 10_000 },
      env,
      password: () => Promise.reject(new Error('unused')),
    }),
  );
  await client.login(signal);
  const lease = await HttpNfcLease.open(client, { type: 'VirtualMachine', value: 'vm-42' }, signal);
  try {
    await lease.ready(signal);
    const url = lease.devices.find((device) => device.isDisk)?.url.href ?? '';
    return await measureRun(
      'curl',
      ['--silent', '--fail', '--insecure', '--output', join(output, 'disk.vmdk'), url],
      {},
    );
  } finally {
    await lease.abort(signal);
    await client.logout(signal);
  }
}

function print(results: ReadonlyMap<string, readonly MeasuredRun[]>, sizeBytes: number): void {
  const host = `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, Node ${process.versions.node}`;
  console.log(
    `One disk of ${(sizeBytes / 1e6).toFixed(0)} MB over TLS on the loopback, median of ${runs} runs in turn; ${host}\n`,
  );
  console.log('                   seconds    MB/s   speed/curl   CPU s   peak MB');
  const curlSeconds = median((results.get('curl') ?? []).map(({ seconds }) => seconds));
  for (const [name, all] of results) {
    const seconds = median(all.map((run) => run.seconds));
    const cells = [
      seconds.toFixed(2).padStart(7),
      (sizeBytes / 1e6 / seconds).toFixed(0).padStart(7),
      (curlSeconds / seconds).toFixed(2).padStart(12),
      median(all.map((run) => run.cpuSeconds))
        .toFixed(2)
        .padStart(7),
      Math.max(...all.map((run) => run.peakMemoryMb))
        .toFixed(0)
        .padStart(9),
    ];
    console.log(`${name.padEnd(18)} ${cells.join(' ')}`);
  }
}
