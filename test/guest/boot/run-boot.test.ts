import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { InterruptedError } from '../../../src/base/errors.ts';
import type { BootMachine } from '../../../src/guest/boot/qemu/boot-machine.ts';
import type { BootSign } from '../../../src/guest/boot/observe/boot-observer.ts';
import { findQemu } from '../../../src/guest/boot/qemu/find-qemu.ts';
import type { BootPatience } from '../../../src/guest/boot/boot-verdict.ts';
import { runBoot, type BootOutcome } from '../../../src/guest/boot/run-boot.ts';
import { findUefiFirmware } from '../../../src/guest/boot/qemu/uefi-firmware.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { runProgram } from '../../oracles/run-program.ts';
import { tinyGuest, type TinyGuest } from './boot-sector.ts';
import { standInQemu } from './stand-in-qemu.ts';
import { makeTemporaryFolder } from '../../temporary-folder.ts';

const MAC = '52:54:00:aa:bb:cc';
/** A guest boots within a second, but emulation on a busy host can take much longer. */
const PATIENCE: BootPatience = { timeoutSeconds: 100, networkSeconds: 30, addressSeconds: 1, afterFrameSeconds: 1 };
const ORACLES = ['qemu-system-x86_64', 'qemu-img'] as const;
const LIMIT_MS = 600_000;

const MACHINE: BootMachine = {
  machine: 'q35',
  memoryBytes: 128 * 2 ** 20,
  vcpus: 1,
  coresPerSocket: undefined,
  clock: 'utc',
  uuid: undefined,
  firmware: { kind: 'bios' },
  disks: [],
  nics: [{ mac: MAC, device: 'rtl8139' }],
};

let folder: string;
beforeAll(async () => {
  folder = await makeTemporaryFolder('h2k, boot ');
});
afterAll(() => rm(folder, { recursive: true }));

interface TinyRun extends BootOutcome {
  told: BootSign[];
}

/**
 * Boots a tiny guest in emulation. Checks that its disk is unchanged, and that only the screenshot and the log are
 * left.
 */
async function boot(
  guest: TinyGuest,
  change: Partial<BootMachine> = {},
  { signal, ...patience }: Partial<BootPatience> & { signal?: AbortSignal } = {},
): Promise<TinyRun> {
  const place = await mkdtemp(join(folder, 'run-'));
  const disk = join(folder, `disk-${place.slice(-6)}.img`);
  await writeFile(disk, tinyGuest({ mac: MAC, ...guest }));
  const before = await sha256(disk);
  const told: BootSign[] = [];
  const machine: BootMachine = {
    ...MACHINE,
    disks: [{ path: disk, format: 'raw', place: { bus: 'virtio' }, bootIndex: 1 }],
    ...change,
  };
  const run = {
    machine,
    programs: await findQemu(process.env),
    accelerator: 'tcg' as const,
    patience: { ...PATIENCE, ...patience },
    folder: place,
    onSign: (sign: BootSign) => told.push(sign),
  };
  try {
    return { ...(await runBoot(run, signal ?? new AbortController().signal)), told };
  } finally {
    expect((await readdir(place)).filter((name) => !['screen.png', 'serial.log'].includes(name))).toEqual([]);
    expect(await sha256(disk)).toBe(before);
  }
}

async function sha256(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

testWithOracle(
  ORACLES,
  'a login prompt and a frame are a guest that is up, with a picture and the log of its console',
  async () => {
    const outcome = await boot({ text: '\r\nDebian GNU/Linux 12 tiny ttyS0\r\n\r\ntiny login: ' });
    expect(outcome).toMatchObject({ verdict: 'booted', signs: { failure: undefined, restarts: 0 } });
    expect(outcome.signs.loginSeconds).toBeGreaterThan(0);
    expect(outcome.signs.frameSeconds[0]).toBeGreaterThan(0);
    expect(outcome.signs.traffic).toEqual([{ dhcp: false, addresses: [], arpTargets: [] }]);
    expect(outcome.told.map(({ sign }) => sign).toSorted()).toEqual(['frame', 'login-prompt']);
    expect(await readFile(outcome.serialLog, 'utf8')).toContain('Debian GNU/Linux 12 tiny ttyS0\r\n\r\ntiny login: ');
    expect((await readFile(outcome.picture ?? '')).subarray(1, 4).toString()).toBe('PNG');
  },
  LIMIT_MS,
);

testWithOracle(
  ORACLES,
  'the addresses that a NIC uses are read from its frames, and its capture ends',
  async () => {
    const outcome = await boot({ text: 'tiny login: ', address: '192.0.2.10' });
    expect(outcome.signs.traffic).toEqual([{ dhcp: false, addresses: ['192.0.2.10'], arpTargets: ['192.0.2.11'] }]);
  },
  LIMIT_MS,
);

testWithOracle(
  ORACLES,
  'in emergency mode, the units that failed are there, complete',
  async () => {
    const path = `/srv/${'data'.repeat(15)}`;
    const failed = `[FAILED] Failed to mount ${path}.\r\n[DEPEND] Dependency failed for Local File Systems.\r\n`;
    const outcome = await boot({ text: `${failed}You are in emergency mode.` });
    expect(outcome).toMatchObject({
      verdict: 'failed',
      signs: { failure: { failure: 'emergency-mode' } },
      failedUnits: [`Failed to mount ${path}.`, 'Dependency failed for Local File Systems.'],
    });
  },
  LIMIT_MS,
);

testWithOracle(
  ORACLES,
  'a guest that asks for a passphrase which nobody has fails at once',
  async () => {
    const outcome = await boot({ text: 'Please unlock disk sda3_crypt: ' });
    expect(outcome).toMatchObject({ verdict: 'failed', signs: { failure: { failure: 'passphrase-prompt' } } });
  },
  LIMIT_MS,
);

testWithOracle(
  ORACLES,
  'a panic fails at once, whatever else is seen',
  async () => {
    const text = '[    1.5] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\n';
    const outcome = await boot({ text });
    expect(outcome).toMatchObject({ verdict: 'failed', signs: { failure: { failure: 'kernel-panic' } } });
    expect(outcome.seconds).toBeLessThan(PATIENCE.timeoutSeconds);
    expect(outcome.lastLines.at(-1)).toBe(text.trim());
  },
  LIMIT_MS,
);

testWithOracle(
  ORACLES,
  'a frame alone is a guest that is up, once nothing has failed for a while; a frame of another card is none',
  async () => {
    const heard = await boot({ text: '' });
    expect(heard).toMatchObject({ verdict: 'booted', signs: { loginSeconds: undefined } });
    expect(heard.seconds - (heard.signs.frameSeconds[0] ?? 0)).toBeGreaterThanOrEqual(PATIENCE.afterFrameSeconds);
    const foreign = await boot({ text: '', mac: '52:54:00:de:ad:00' }, {}, { timeoutSeconds: 5 });
    expect(foreign).toMatchObject({ verdict: 'no-sign', signs: { frameSeconds: [undefined] } });
  },
  LIMIT_MS,
);

testWithOracle(
  ORACLES,
  'a login prompt without a frame is up after a wait for the network; silence is no sign',
  async () => {
    const nics = [{ mac: MAC, device: 'virtio-net-pci' }];
    const silent = await boot({ text: 'tiny login: ' }, { nics }, { networkSeconds: 1 });
    expect(silent).toMatchObject({ verdict: 'booted', signs: { frameSeconds: [undefined] } });
    expect(silent.seconds - (silent.signs.loginSeconds ?? 0)).toBeGreaterThanOrEqual(1);
    const dieAfter = (timeoutSeconds: number) => boot({ text: 'Loading...' }, { nics }, { timeoutSeconds });
    let dead = await dieAfter(5);
    expect(dead.seconds).toBeGreaterThanOrEqual(5);
    // On a busy host, 5 seconds may end before the guest prints its first text.
    if (!dead.lastLines.includes('Loading...')) dead = await dieAfter(PATIENCE.timeoutSeconds);
    expect(dead).toMatchObject({ verdict: 'no-sign', lastLines: expect.arrayContaining(['Loading...']) });
  },
  LIMIT_MS,
);

testWithOracle(
  ORACLES,
  'a guest that restarts again and again has failed',
  async () => {
    const outcome = await boot({ text: 'once more\r\n', atEnd: 'restart' }, { nics: [] });
    expect(outcome).toMatchObject({ verdict: 'failed', signs: { failure: { failure: 'restarts' }, restarts: 5 } });
  },
  LIMIT_MS,
);

testWithOracle(
  ORACLES,
  'every bus boots its disk, on either machine',
  async () => {
    const scsi = { bus: 'scsi', controller: 1, target: 2, lun: 0 } as const;
    const places = [
      ['q35', { bus: 'sata' }],
      ['pc', { bus: 'sata' }],
      ['pc', { bus: 'ide' }],
      ['q35', { bus: 'nvme' }],
      ['q35', { bus: 'usb' }],
      ['q35', { ...scsi, model: 'virtio-scsi-pci' }],
      ['q35', { ...scsi, model: 'pvscsi' }],
      ['pc', { ...scsi, model: 'lsi53c895a' }],
      ['q35', { ...scsi, model: 'mptsas1068' }],
      ['q35', { ...scsi, model: 'megasas' }],
    ] as const;
    const path = join(folder, 'buses.img');
    await writeFile(path, tinyGuest({ text: 'tiny login: ' }));
    const seen: unknown[] = [];
    for (const [machine, place] of places) {
      const disks = [{ path, format: 'raw', place, bootIndex: 1 } as const];
      seen.push((await boot({ text: '' }, { machine, disks, nics: [] })).verdict);
    }
    expect(seen).toEqual(places.map(() => 'booted'));
  },
  LIMIT_MS,
);

testWithOracle(
  ORACLES,
  'the disk with the lowest boot index is booted, and one without an index is not',
  async () => {
    const place = { bus: 'virtio' } as const;
    const disks = await Promise.all(
      ['first', 'second'].map(async (name, index) => {
        const path = join(folder, `${name}.img`);
        await writeFile(path, tinyGuest({ text: `${name} login: ` }));
        return { path, format: 'raw' as const, place, bootIndex: 2 - index };
      }),
    );
    const second = await boot({ text: '' }, { disks, nics: [] });
    expect(second.lastLines.at(-1)).toBe('second login: ');
    const [bootable] = disks;
    const empty = join(folder, 'empty.img');
    await writeFile(empty, Buffer.alloc(1 << 20));
    const none = await boot(
      { text: '' },
      {
        disks: [
          { path: empty, format: 'raw', place, bootIndex: 1 },
          { path: bootable?.path ?? '', format: 'raw', place, bootIndex: undefined },
        ],
        nics: [],
      },
    );
    expect(none).toMatchObject({ verdict: 'failed', signs: { failure: { failure: 'no-boot-device' } } });
  },
  LIMIT_MS,
);

testWithOracle(
  ORACLES,
  'UEFI without a boot loader ends in its shell, heard without a frame of its own',
  async () => {
    const firmware = await findUefiFirmware({ machine: 'q35', secureBoot: false });
    const patience = { ...PATIENCE, timeoutSeconds: 500 };
    const place = await mkdtemp(join(folder, 'uefi-'));
    const disk = join(folder, 'uefi.img');
    await writeFile(disk, tinyGuest({ text: '' }));
    const machine: BootMachine = {
      ...MACHINE,
      firmware,
      memoryBytes: 256 * 2 ** 20,
      disks: [{ path: disk, format: 'raw', place: { bus: 'virtio' }, bootIndex: 1 }],
      nics: [{ mac: MAC, device: 'virtio-net-pci' }],
    };
    const run = { machine, programs: await findQemu(process.env), accelerator: 'tcg' as const, patience };
    const { signs } = await runBoot({ ...run, folder: place, onSign: () => {} }, new AbortController().signal);
    expect(signs).toMatchObject({ failure: { failure: 'uefi-shell' }, frameSeconds: [undefined] });
    expect((await readdir(place)).toSorted()).toEqual(['screen.png', 'serial.log']);
  },
  LIMIT_MS,
);

testWithOracle(
  ORACLES,
  'what QEMU does not know is told in its words',
  async () => {
    const nics = [{ mac: MAC, device: 'no-such-card' }];
    await expect(boot({ text: '' }, { nics })).rejects.toMatchObject({
      kind: 'host',
      message: expect.stringContaining('no-such-card'),
    });
    const disks = [{ path: '/dev/null', format: 'qcow2', place: { bus: 'virtio' }, bootIndex: 1 } as const];
    await expect(boot({ text: '' }, { disks })).rejects.toMatchObject({
      kind: 'image',
      message: expect.stringContaining('/dev/null'),
    });
  },
  LIMIT_MS,
);

testWithOracle(
  'qemu-img',
  'a KVM that stops the VM, or QEMU, is reported as that, at once and not as a guest that gives no sign',
  async (oracles) => {
    const seen = [];
    for (const breakage of ['internal-error', 'abort'] as const) {
      const place = await mkdtemp(join(folder, `${breakage}-`));
      const programs = { qemu: await standInQemu(place, breakage), qemuImg: oracles['qemu-img'] };
      const machine: BootMachine = { ...MACHINE, nics: [] };
      const run = { machine, programs, accelerator: 'kvm' as const, patience: PATIENCE, folder: join(place, 'run') };
      seen.push(
        await runBoot({ ...run, onSign: () => {} }, new AbortController().signal).catch((error: unknown) => error),
      );
    }
    expect(seen).toEqual([
      expect.objectContaining({
        name: 'KvmBrokeError',
        kind: 'host',
        message: expect.stringMatching(/^KVM broke: QEMU stopped the VM with an internal error after [\d.]+ s\.$/),
        hint: expect.stringContaining('--accelerator tcg'),
      }),
      expect.objectContaining({
        name: 'KvmBrokeError',
        message: expect.stringMatching(/^QEMU does not start this VM with KVM: .*Assertion/),
      }),
    ]);
  },
  LIMIT_MS,
);

testWithOracle(
  ORACLES,
  'an interruption ends QEMU and leaves no overlay',
  async () => {
    const controller = new AbortController();
    const reason = new InterruptedError('SIGINT');
    const running = boot({ text: 'waiting' }, { nics: [] }, { signal: controller.signal });
    while ((await qemusIn(folder)).length === 0) await delay(50);
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(await qemusIn(folder)).toEqual([]);
  },
  LIMIT_MS,
);

/** Returns the QEMU processes that use a folder. */
async function qemusIn(place: string): Promise<string[]> {
  const { stdout } = await runProgram('/bin/sh', ['-c', 'ls -l /proc/[0-9]*/cwd 2>/dev/null || true']);
  return stdout.split('\n').filter((line) => line.includes(`-> ${place}/`));
}

test('without QEMU the missing program and its package are named', async () => {
  const { PATH: _path, ...env } = process.env;
  await expect(findQemu({ ...env, PATH: dirname(folder) })).rejects.toMatchObject({
    kind: 'host',
    message: expect.stringMatching(/^(qemu-system-x86_64|qemu-img) is not installed/),
    hint: expect.stringMatching(/package qemu-(system-x86|utils) on Debian/),
  });
});
