import { chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { domainXml } from '../../../src/domain/libvirt/domain-xml.ts';
import { HostKvm } from '../../../src/guest/boot/qemu/accelerator.ts';
import { listJobs, readJob } from '../../../src/jobs/job-store.ts';
import { bootOnce } from '../../../src/operations/boot-test/boot-once.ts';
import { readTarget } from '../../../src/operations/boot-test/read-target.ts';
import { bootTest, bootTestError } from '../../../src/operations/boot-test/boot-test.ts';
import { problemOf } from '../../../src/operations/boot-test/boot-problem.ts';
import type { BootTestEvent, BootTestOptions, BootTestResult } from '../../../src/operations/boot-test/types.ts';
import { tinyGuest } from '../../guest/boot/boot-sector.ts';
import { standInQemu } from '../../guest/boot/stand-in-qemu.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { outputOf } from '../../oracles/run-program.ts';
import { makeTemporaryFolder } from '../../temporary-folder.ts';

const MAC = '52:54:00:aa:bb:cc';
const ORACLES = ['qemu-system-x86_64', 'qemu-img'] as const;
const LIMIT_MS = 240_000;

let folder: string;
beforeAll(async () => {
  folder = await makeTemporaryFolder('h2k-boot-test-');
});
afterAll(() => rm(folder, { recursive: true }));

const environment = () => ({ ...process.env, XDG_STATE_HOME: join(folder, 'state') });

function optionsFor(target: string, change: Partial<BootTestOptions>): BootTestOptions {
  return {
    target,
    timeoutMs: 90_000,
    firmware: undefined,
    memoryBytes: 128 * 2 ** 20,
    accelerator: 'tcg',
    env: environment(),
    ...change,
  };
}

async function run(
  target: string,
  change: Partial<BootTestOptions> = {},
): Promise<{ result: BootTestResult; events: BootTestEvent[] }> {
  const events: BootTestEvent[] = [];
  const options = optionsFor(target, change);
  const context = { signal: new AbortController().signal, report: (event: BootTestEvent) => void events.push(event) };
  return { result: await bootTest(options, context), events };
}

/** The domain of a tiny guest, as a conversion writes it, with a NIC that the guest has a driver for. */
async function domainOf(name: string, text: string, address?: string): Promise<string> {
  const disk = join(folder, `${name}.img`);
  await writeFile(disk, tinyGuest({ text, mac: MAC, ...(address !== undefined && { address }) }));
  await chmod(disk, 0o400);
  const path = join(folder, `${name}.xml`);
  const xml = domainXml({
    name,
    memoryBytes: 2 ** 30,
    vcpus: 1,
    firmware: 'bios',
    secureBoot: false,
    tpm: false,
    machine: 'q35',
    clock: 'utc',
    hyperv: false,
    scsiControllers: [],
    cdRoms: [],
    disks: [{ path: disk, format: 'raw', bus: 'sata' }],
    nics: [{ mac: MAC, model: 'rtl8139', network: 'default' }],
  });
  await writeFile(path, xml);
  return path;
}

testWithOracle(
  ORACLES,
  'a domain that comes up has no problem, and a job record with its picture and its log',
  async () => {
    const { result, events } = await run(await domainOf('up', 'up login: '));
    expect(result).toMatchObject({
      name: 'up',
      verdict: 'booted',
      networkUp: true,
      accelerator: 'tcg',
      firmware: 'bios',
      nics: [
        {
          mac: MAC,
          model: 'rtl8139',
          firstFrameSeconds: expect.any(Number),
          sent: expect.anything(),
          configured: null,
        },
      ],
      loginPromptSeconds: expect.any(Number),
      guestAgentSeconds: null,
      warnings: [],
    });
    expect(bootTestError(result)).toBeUndefined();
    const details = events.map((event) => (event.type === 'step' ? event.detail : event.message)).join('\n');
    expect(details).toMatch(/emulation[^]*login prompt: up login:/);
    expect(details).toContain(`${MAC} sends its first frame`);
    const job = await readJob(environment(), result.job);
    expect(job).toMatchObject({ kind: 'boot-test', state: 'done', request: { vms: ['up'] } });
    expect(job.files.map(({ path }) => path)).toEqual([result.picture, result.serialLog]);
    expect(dirname(result.serialLog)).toBe(job.file.replace(/\.json$/, ''));
    expect((await stat(dirname(result.serialLog))).mode & 0o777).toBe(0o700);
  },
  LIMIT_MS,
);

testWithOracle(
  ORACLES,
  'a lone qcow2 that panics is a problem of kind guest, in the record too',
  async () => {
    const raw = join(folder, 'panic.img');
    await writeFile(raw, tinyGuest({ text: 'Kernel panic - not syncing: Attempted to kill init!' }));
    const disk = join(folder, 'panic.qcow2');
    await outputOf('qemu-img', ['convert', '-O', 'qcow2', raw, disk]);
    const before = await readFile(disk);
    const { result } = await run(disk);
    expect(result).toMatchObject({ name: 'panic.qcow2', verdict: 'failed', failure: { kind: 'kernel-panic' } });
    expect(bootTestError(result)).toMatchObject({ kind: 'guest', hint: expect.stringContaining('screen.png') });
    expect(await readJob(environment(), result.job)).toMatchObject({ state: 'failed', error: { kind: 'guest' } });
    expect((await readFile(disk)).equals(before)).toBe(true);
  },
  LIMIT_MS,
);

testWithOracle(
  ORACLES,
  'a disk without a system for BIOS is told of --firmware, a domain is not',
  async () => {
    const disk = join(folder, 'empty.img');
    await writeFile(disk, Buffer.alloc(1 << 20));
    const { result } = await run(disk, { inputFormat: 'raw' });
    expect(result).toMatchObject({ verdict: 'failed', failure: { kind: 'no-boot-device' } });
    expect(bootTestError(result)?.hint).toContain('--firmware uefi');
    expect(problemOf(result, { isDisk: false })?.hint).not.toContain('--firmware');
  },
  LIMIT_MS,
);

testWithOracle(
  ORACLES,
  'a guest that comes up with another address than on VMware is found, and the file next to its domain says so',
  async () => {
    const domain = await domainOf('moved', 'moved login: ', '192.0.2.99');
    const nics = [{ mac: MAC, addresses: [{ address: '192.0.2.10', prefix: 24 }] }];
    await writeFile(join(folder, 'moved.guest-net.json'), JSON.stringify({ nics }));
    // The address is waited for until the end of the time.
    const { result } = await run(domain, { requireAddresses: true, timeoutMs: 30_000 });
    const words = 'other address 192.0.2.99 instead of 192.0.2.10';
    expect(result).toMatchObject({
      verdict: 'booted',
      nics: [{ address: { verdict: 'other', expected: ['192.0.2.10'], isDifferent: true, words } }],
      warnings: [`The NIC ${MAC}: ${words}.`],
    });
    expect(bootTestError(result)).toMatchObject({
      kind: 'guest',
      message: `moved came up with other addresses than expected. The NIC ${MAC}: ${words}.`,
    });
    expect(await readJob(environment(), result.job)).toMatchObject({ state: 'failed' });
  },
  LIMIT_MS,
);

testWithOracle(ORACLES, 'what cannot be tested is refused before anything starts, by its name', async () => {
  const jobsBefore = (await listJobs(environment())).length;
  const xml = await readFile(await domainOf('refused', ''), 'utf8');
  const refusal = async (name: string, text: string, change: Partial<BootTestOptions> = {}) => {
    const path = join(folder, `${name}.xml`);
    await writeFile(path, text);
    return run(path, change).then(
      () => undefined,
      (error: unknown) => error,
    );
  };
  expect(await refusal('gone', xml.replace('refused.img', 'gone.img'))).toMatchObject({
    kind: 'local-file',
    message: expect.stringContaining('gone.img'),
  });
  expect(await refusal('diskless', xml.replace(/<disk[^]*<\/disk>/, ''))).toMatchObject({ kind: 'image' });
  expect(await refusal('card', xml.replace('rtl8139', 'ne3000'))).toMatchObject({
    message: expect.stringContaining('ne3000'),
  });
  expect(await refusal('bus', xml.replace('bus="sata"', 'bus="ide"'))).toMatchObject({
    message: expect.stringContaining('ide'),
  });
  expect(await refusal('firmware', xml, { firmware: 'uefi' })).toMatchObject({ kind: 'usage' });
  expect(await refusal('path', xml, { env: { ...environment(), PATH: folder } })).toMatchObject({ kind: 'host' });
  await expect(run(join(folder, 'nothing.qcow2'))).rejects.toMatchObject({ kind: 'local-file' });
  expect(await listJobs(environment())).toHaveLength(jobsBefore);
});

testWithOracle(ORACLES, 'more memory than the host has is refused with --memory as the way out', async () => {
  const refused = run(await domainOf('large', ''), { memoryBytes: 2 ** 50 });
  await expect(refused).rejects.toMatchObject({ kind: 'host', hint: expect.stringContaining('--memory') });
});

const FOUND: BootTestResult = {
  target: 'web.xml',
  name: 'web',
  verdict: 'booted',
  networkUp: true,
  seconds: 30,
  accelerator: 'kvm',
  firmware: 'bios',
  loginPromptSeconds: 20,
  guestAgentSeconds: null,
  nics: [],
  restarts: 0,
  failedUnits: [],
  lastLines: [],
  picture: '/j/screen.png',
  serialLog: '/j/serial.log',
  job: 'j',
  warnings: [],
};

test('a guest that asks for a passphrase has a hint how to give it', () => {
  const failure = { kind: 'passphrase-prompt', words: 'it asks', text: 'Please unlock disk a:', seconds: 9 } as const;
  const found = { ...FOUND, verdict: 'failed', failure } as const;
  expect(problemOf(found, { isDisk: false })?.hint).toMatch(/--key all:file:PATH/);
});

test('a guest without a card needs no network, one with a silent card has a problem', () => {
  const lone = { isDisk: false };
  expect(problemOf({ ...FOUND, networkUp: null }, lone)).toBeUndefined();
  expect(problemOf({ ...FOUND, networkUp: false }, lone)?.message).toMatch(/came up, but its NICs sent nothing/);
  expect(problemOf({ ...FOUND, verdict: 'no-sign', networkUp: false }, lone)?.hint).toMatch(/--timeout/);
});

testWithOracle(
  ORACLES,
  'a KVM that breaks in the middle is named, and with auto the guest is booted again in emulation',
  async (oracles) => {
    const device = join(folder, 'kvm');
    await writeFile(device, '');
    const path = await domainOf('again', 'again login: ');
    const place = join(folder, 'again');
    await mkdir(place);
    const programs = {
      qemu: await standInQemu(place, 'internal-error', oracles['qemu-system-x86_64']),
      qemuImg: oracles['qemu-img'],
    };
    const kvm = new HostKvm({ XDG_STATE_HOME: place }, { device, prove: () => Promise.resolve(undefined) });
    const { signal } = new AbortController();
    const warnings: string[] = [];
    const boot = async (accelerator: 'auto' | 'kvm') => {
      const options = optionsFor(path, { accelerator });
      const target = await readTarget(options);
      // The fake QEMU writes no packet captures.
      const plain = { ...target, machine: { ...target.machine, nics: [] } };
      const told = { tell: () => {}, warn: (message: string): void => void warnings.push(message) };
      return await bootOnce({ target: plain, programs, options, folder: join(place, 'run'), kvm, ...told }, signal);
    };
    await expect(boot('kvm')).rejects.toMatchObject({
      kind: 'host',
      message: expect.stringMatching(/^KVM broke: QEMU stopped the VM with an internal error after/),
    });
    expect(await boot('auto')).toMatchObject({ verdict: 'booted', accelerator: 'tcg' });
    expect(warnings).toEqual([
      expect.stringMatching(/^The guest is booted again in emulation, which is slow\. KVM broke: QEMU stopped the VM/),
    ]);
    expect(await kvm.find(programs.qemu, signal)).toMatchObject({ accelerator: 'tcg' });
  },
  LIMIT_MS,
);
