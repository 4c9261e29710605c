import { afterAll, beforeAll, expect } from '@jest/globals';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { namesIn, sha256Of } from '../../cli-process/convert-run.ts';
import { environmentOf, startProgram, type ProgramRun, type RunningProgram } from '../../cli-process/program.ts';
import { APPLIANCE_TEST_MS } from '../../guest/make-disk.ts';
import { findOracle, testWithOracle } from '../../oracles/oracle.ts';
import { runProgram } from '../../oracles/run-program.ts';
import { ScratchFolder } from '../export/export-run.ts';
import { makeSmallGuests, type SMALL_GUESTS } from './small-guests.ts';

/** Starts `convert` into `kvm/` with temporary files in `tmp`. The cached libguestfs appliance stays in its usual place. */
function start(scratch: ScratchFolder, args: readonly string[]): RunningProgram {
  const own = { TMPDIR: join(scratch.path, 'tmp'), LIBGUESTFS_CACHEDIR: '/var/tmp' };
  const all = { ...environmentOf(undefined, join(scratch.path, '.state')), ...own };
  return startProgram(['convert', ...args, '-o', 'kvm/', '--json'], { env: all, cwd: scratch.path });
}

let scratch: ScratchFolder;

beforeAll(async () => {
  scratch = await ScratchFolder.make();
  await mkdir(join(scratch.path, 'tmp'));
  if (findOracle('guestfish') !== undefined) await makeSmallGuests(scratch.path);
}, APPLIANCE_TEST_MS);

afterAll(() => scratch[Symbol.asyncDispose]());

/** Runs `end` and expects no leftovers: no temporary files, no processes, only `kvm` in the output folder, and an unchanged source. */
async function leaves(name: string, kvm: readonly string[], end: () => Promise<ProgramRun>): Promise<ProgramRun> {
  const source = join(scratch.path, name);
  const before = await sha256Of(source);
  const run = await end();
  expect(await processesOf(scratch.path)).toEqual([]);
  expect(await readdir(join(scratch.path, 'tmp'))).toEqual([]);
  expect(await namesIn(join(scratch.path, 'kvm'))).toEqual(kvm);
  expect(await sha256Of(source)).toBe(before);
  return run;
}

const REFUSED: readonly [(typeof SMALL_GUESTS)[number], string, RegExp, RegExp][] = [
  [
    'full.img',
    'a disk too full for an initramfs',
    /^\/boot in the guest is too full for a new initramfs: .* are free, and \/boot\/initrd\.img-\S+ has 10\.0 MiB\.$/,
    /^Remove old kernels in the guest/,
  ],
  [
    'two-roots.img',
    'a guest with two roots',
    /^There are 2 systems on the disks: Debian on \/dev\/sdc1 \(\/dev\/sda1\), Debian on \/dev\/sdc2 \(\/dev\/sda2\)\.$/,
    /--root \/dev\/sda1/,
  ],
  [
    'no-system.img',
    'a disk with no system on it',
    /^There is no Linux system on the disks\.$/,
    /^They hold: \/dev\/sda1 \(ext4\)/,
  ],
];
for (const [name, what, message, hint] of REFUSED) {
  testWithOracle(
    'guestfish',
    `the fix of ${what} ends with 16, says why, and leaves the image for the next run alone`,
    async () => {
      const kept = keptFor(name);
      const { exitCode, stdout } = await leaves(name, kept, () => start(scratch, [name, '--fix', 'require']).over);
      expect(exitCode).toBe(16);
      expect(JSON.parse(stdout)).toMatchObject({
        ok: false,
        error: { kind: 'guest', message: expect.stringMatching(message), hint: expect.stringMatching(hint) },
        warnings: expect.arrayContaining([expect.stringMatching(/^Kept for the next run: \S+\.qcow2\.partial\./)]),
      });
      await removeKept(name);
    },
    APPLIANCE_TEST_MS,
  );
}

testWithOracle(
  ['guestfish', 'qemu-img'],
  'a guest that would not start ends --fix require with 16, and the next run goes on with its image',
  async (oracles) => {
    const required = await leaves(
      'plain.img',
      keptFor('plain.img'),
      () => start(scratch, ['plain.img', '--fix', 'require']).over,
    );
    expect(required.exitCode).toBe(16);
    expect(JSON.parse(required.stdout)).toMatchObject({
      ok: false,
      error: {
        kind: 'guest',
        message: expect.stringMatching(/^After the fix Debian on \/dev\/sda1 would not start correctly:\n\/boot: /),
        details: {
          boot: {
            verdict: 'not-ready',
            checks: expect.arrayContaining([expect.objectContaining({ area: 'boot-entries', verdict: 'not-ready' })]),
          },
        },
      },
    });
    const image = join(scratch.path, 'kvm', 'plain.qcow2');
    const before = await sha256Of(`${image}.partial`);
    const source = join(scratch.path, 'plain.img');
    const compared = await runProgram(oracles['qemu-img'], [
      'compare',
      '-f',
      'raw',
      '-F',
      'qcow2',
      source,
      `${image}.partial`,
    ]);
    expect(compared.stdout).toMatch(/^Images are identical/);

    const auto = await leaves('plain.img', ['plain.qcow2'], () => start(scratch, ['plain.img', '--fix', 'auto']).over);
    expect(auto.exitCode).toBe(0);
    expect(auto.stderr).toMatch(/kept from an earlier run/);
    expect(JSON.parse(auto.stdout)).toMatchObject({
      result: { guest: { outcome: 'fixed', boot: { verdict: 'not-ready' } } },
    });
    expect(await sha256Of(image)).not.toBe(before);
    expect((await runProgram(oracles['qemu-img'], ['check', image])).stdout).toMatch(/^No errors were found/);
    await rm(image);
  },
  APPLIANCE_TEST_MS,
);

/** The files in `kvm/` after a failed fix. */
function keptFor(name: string): string[] {
  const image = name.replace(/\.img$/, '.qcow2');
  return [`.${image}.hyper2kvm-converted`, `${image}.partial`];
}

async function removeKept(name: string): Promise<void> {
  for (const file of keptFor(name)) await rm(join(scratch.path, 'kvm', file));
}

/** Ends the program while its appliance is running, and {@link processesOf} finds it. */
async function endInFix(signal: NodeJS.Signals): Promise<ProgramRun> {
  const program = start(scratch, ['plain.img', '--fix', 'require']);
  await program.said('Finding the operating system');
  expect(await processesOf(scratch.path, 0)).not.toEqual([]);
  program.child.kill(signal);
  return await program.over;
}

testWithOracle(
  'guestfish',
  'a fix that SIGTERM ends leaves nothing',
  async () => {
    const { exitCode, stdout, stderr } = await leaves('plain.img', [], () => endInFix('SIGTERM'));
    expect(exitCode).toBe(143);
    expect(stderr).toContain('SIGTERM: cleaning up.');
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, exitCode: 143, error: { kind: 'interrupted' } });
  },
  APPLIANCE_TEST_MS,
);

testWithOracle(
  'guestfish',
  'a fix that kill -9 ends leaves .partial files alone, and no appliance',
  async () => {
    const { endedBy } = await leaves('plain.img', ['plain.qcow2.overlay.partial', 'plain.qcow2.partial'], () =>
      endInFix('SIGKILL'),
    );
    expect(endedBy).toBe('SIGKILL');
  },
  APPLIANCE_TEST_MS,
);

const APPLIANCE_END_MS = 180_000;

/** Returns the processes whose command line contains the folder, as those of guestfish and its QEMU do. Waits for them to end first. */
async function processesOf(folder: string, waitMs = APPLIANCE_END_MS): Promise<string[]> {
  for (const endMs = Date.now() + waitMs; ; await pause(200)) {
    const found = await namedProcesses(folder);
    if (found.length === 0 || Date.now() >= endMs) return found;
  }
}

async function namedProcesses(folder: string): Promise<string[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, 'latin1').catch(() => '')));
  return lines.filter((line) => line.includes(folder)).map((line) => line.replaceAll('\0', ' '));
}
