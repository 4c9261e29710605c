import { mkdir, readdir, rm } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { resolveConnectionSettings } from '../../../src/vsphere/connection/connection-settings.ts';
import { HttpNfcLease } from '../../../src/vsphere/lease/nfc-lease.ts';
import { VsphereClient } from '../../../src/vsphere/session/vsphere-client.ts';
import { findOracle } from '../../oracles/find-oracle.ts';
import { mixedContent, randomContent } from '../../server/content-source.ts';
import {
  makeBenchFolder,
  makeRawDisk,
  makeStreamDisk,
  makeVmdk,
  measureOther,
  measureOwn,
  readPositive,
  requireQemuImg,
  requireSame,
} from '../bench-disks.ts';
import { compete, contestTable, describeHost, type Contestant } from '../contest.ts';
import { measureRun, measureSteps, withFlush, type MeasuredRun } from '../measured-run.ts';
import { serveDisk, type ServedDisk } from '../serve-disk.ts';

/**
 * `npm run bench:export -- [--size-mib N] [--runs N] [--tree FOLDER | --random] [--against CHECKOUT]`
 * Exports one disk over TLS to files and images. The contestants run in turn: curl, `govc export.ovf`, curl followed
 * by qemu-img, and hyper2kvm.
 * curl neither hashes nor parses the data, and the time for its lease is not measured.
 * The disk contains text, holes and random data. With `--random`, it is not compressible.
 * With `--tree`, it is an ext4 file system with that folder in it.
 * With `--against`, the peer is the program that is built in another checkout.
 * The files are created below TMPDIR, which needs about three times the size.
 */
const { values } = parseArgs({
  options: {
    'size-mib': { type: 'string', default: '4096' },
    runs: { type: 'string', default: '3' },
    tree: { type: 'string' },
    random: { type: 'boolean', default: false },
    against: { type: 'string' },
  },
});
const capacityBytes = readPositive('--size-mib', values['size-mib']) * 1024 * 1024;
const runs = readPositive('--runs', values.runs);
const qemuImg = requireQemuImg();
await using folder = await makeBenchFolder();
const source = join(folder.path, 'source.vmdk');
const output = join(folder.path, 'out');
const downloaded = join(output, 'disk.vmdk');

await makeSource();
await using served = await serveDisk(source, capacityBytes);
const ownEnv = { ...served.ownEnv, XDG_STATE_HOME: join(folder.path, 'state') };
const results = await compete(values.against === undefined ? contestants(served) : versions(values.against), runs);
const kind = values.random
  ? 'does not compress'
  : values.tree === undefined
    ? 'text, holes and random data'
    : `ext4 with ${values.tree}`;
console.log(
  `Disk of ${(capacityBytes / 2 ** 30).toFixed(1)} GiB (${kind}), ${(served.sizeBytes / 1e6).toFixed(0)} MB over TLS on the loopback, median of ${runs} in turn; ${describeHost()}.\n`,
);
console.log(contestTable(results));

async function makeSource(): Promise<void> {
  if (values.tree === undefined) {
    const content = values.random ? randomContent : mixedContent;
    await makeStreamDisk(source, content(capacityBytes, 'bench'));
    return;
  }
  const raw = join(folder.path, 'source.raw');
  await makeRawDisk(raw, capacityBytes, values.tree);
  await makeVmdk(qemuImg, raw, 'streamOptimized', source);
  await rm(raw);
}

function contestants({ url, username, password }: ServedDisk): Contestant[] {
  const govc = findOracle('govc');
  const govcEnv = { GOVC_URL: url, GOVC_USERNAME: username, GOVC_PASSWORD: password, GOVC_INSECURE: '1' };
  const peers: Contestant[] = [
    fresh({ title: '`curl`', run: async () => withFlush(await curl(), [downloaded]) }),
    fresh(own('hyper2kvm export', 'bench-disk-1.vmdk', '`curl`')),
    fresh(own('hyper2kvm export --format qcow2 --compress', 'bench-disk-1.qcow2', '`curl`')),
    fresh({ title: '`curl`, then `qemu-img convert -O qcow2`', run: () => curlAndConvert('qcow2') }),
    fresh(own('hyper2kvm export --format qcow2', 'bench-disk-1.qcow2', '`curl`, then `qemu-img convert -O qcow2`')),
    fresh({ title: '`curl`, then `qemu-img convert -O raw`', run: () => curlAndConvert('raw') }),
    fresh(own('hyper2kvm export --format raw', 'bench-disk-1.raw', '`curl`, then `qemu-img convert -O raw`')),
  ];
  if (govc === undefined) return peers;
  const run = async () =>
    withFlush(await measureRun(govc, ['export.ovf', '-vm', 'bench', output], govcEnv), await filesBelow());
  return peers.toSpliced(1, 0, fresh({ title: '`govc export.ovf`', peer: '`curl`', run }));
}

/** Runs each kind of export with the program of another checkout and with this one. */
function versions(checkout: string): Contestant[] {
  const kinds = [
    ['hyper2kvm export', 'bench-disk-1.vmdk'],
    ['hyper2kvm export --format qcow2 --compress', 'bench-disk-1.qcow2'],
    ['hyper2kvm export --format qcow2', 'bench-disk-1.qcow2'],
    ['hyper2kvm export --format raw', 'bench-disk-1.raw'],
  ] as const;
  return kinds.flatMap(([title, result]) => {
    const peer = `\`${title}\` of ${checkout}`;
    const [, command = '', ...flags] = title.split(' ');
    const run = () => measureOther(checkout, [command, 'bench', '-o', output, ...flags], ownEnv);
    return [fresh({ title: peer, run }), fresh(own(title, result, peer))];
  });
}

/** `title` is the command line without the VM and the output. */
function own(title: string, result: string, peer: string): Contestant {
  const [, command = '', ...flags] = title.split(' ');
  const images = ['-f', 'vmdk', '-F', extname(result).slice(1), source, join(output, result)];
  return {
    title: `\`${title}\``,
    peer,
    run: () => measureOwn([command, 'bench', '-o', output, ...flags], ownEnv),
    check: () => requireSame(qemuImg, images),
  };
}

/** Removes the files of the previous contestant before a contestant starts. */
function fresh(contestant: Contestant): Contestant {
  const run = async () => {
    await rm(output, { recursive: true, force: true });
    await mkdir(output);
    return contestant.run();
  };
  return { ...contestant, run };
}

function curlAndConvert(format: string): Promise<MeasuredRun> {
  const image = join(output, `disk.${format}`);
  return measureSteps(curl, async () =>
    withFlush(await measureRun(qemuImg, ['convert', '-O', format, downloaded, image]), [image]),
  );
}

/** Downloads the disk with curl. The lease is opened before and ended after the measurement. */
async function curl(): Promise<MeasuredRun> {
  const { signal } = new AbortController();
  const client = new VsphereClient(
    resolveConnectionSettings({
      flags: {},
      timeoutMs: 10_000,
      env: ownEnv,
      password: () => Promise.reject(new Error('the password is in the environment')),
    }),
  );
  await client.login(signal);
  const lease = await HttpNfcLease.open(client, { type: 'VirtualMachine', value: 'vm-42' }, signal);
  try {
    await lease.ready(signal);
    const url = lease.devices.find((device) => device.isDisk)?.url.href ?? '';
    return await measureRun('curl', ['--silent', '--fail', '--insecure', '--output', downloaded, url]);
  } finally {
    await lease.abort(signal);
    await client.logout(signal);
  }
}

async function filesBelow(): Promise<string[]> {
  const found = await readdir(output, { recursive: true, withFileTypes: true });
  return found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
