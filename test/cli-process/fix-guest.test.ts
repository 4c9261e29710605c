import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { tinyGuest } from '../guest/boot/boot-sector.ts';
import { APPLIANCE_TEST_MS } from '../guest/make-disk.ts';
import { runExport, ScratchFolder } from '../operations/export/export-run.ts';
import { findOracle, testWithOracle } from '../oracles/oracle.ts';
import { rawFileContent } from '../server/content-source.ts';
import { startTestServer } from '../server/test-server.ts';
import { namesIn, sha256Of } from './convert-run.ts';
import { environmentOf, startProgram, type ProgramRun, type RunningProgram } from './program.ts';
import { makeSmallGuests, type SMALL_GUESTS } from './small-guests.ts';

const MIB = 2 ** 20;

/** `convert` into `kvm/`, its temporary files in `tmp`. The appliance of libguestfs stays where it is kept. */
function start(scratch: ScratchFolder, args: readonly string[], env: NodeJS.ProcessEnv = {}): RunningProgram {
  const own = { TMPDIR: join(scratch.path, 'tmp'), LIBGUESTFS_CACHEDIR: '/var/tmp' };
  const all = { ...environmentOf(undefined, join(scratch.path, '.state')), ...own, ...env };
  return startProgram(['convert', ...args, '-o', 'kvm/', '--json'], { env: all, cwd: scratch.path });
}

describe('a host without libguestfs', () => {
  const NOTHING = { PATH: '/nonexistent' };
  let scratch: ScratchFolder;

  beforeAll(async () => {
    scratch = await ScratchFolder.make();
    await mkdir(join(scratch.path, 'tmp'));
    const disk = Buffer.alloc(MIB);
    tinyGuest({ text: '' }).copy(disk);
    const path = join(scratch.path, 'disk.img');
    await writeFile(path, disk);
    await using server = await startTestServer({
      vms: [{ name: 'web', disks: [{ content: rawFileContent(path, MIB) }] }],
    });
    expect(await runExport(server, scratch)).toMatchObject({ error: undefined });
  });

  afterAll(() => scratch[Symbol.asyncDispose]());

  test('is told plainly by --fix auto, and gives hardware that needs no fix', async () => {
    const { exitCode, stdout } = await start(scratch, ['out/web.ovf', '--fix', 'auto'], NOTHING).over;
    expect(exitCode).toBe(0);
    const { result } = JSON.parse(stdout) as { result: unknown };
    expect(result).toMatchObject({
      guest: {
        outcome: 'not-fixed',
        reason: 'guestfish of libguestfs is not installed on this host.',
        hint: expect.stringContaining('libguestfs-tools'),
      },
      hardware: { kind: 'sata', reason: expect.stringMatching(/^Nobody looked whether the guest can start on virtio/) },
    });
    const domain = await readFile(join(scratch.path, 'kvm', 'web.xml'), 'utf8');
    expect(domain).toContain('bus="sata"');
    expect(domain).not.toContain('bus="virtio"');
  });

  test('ends --fix require with 17 before any work', async () => {
    const args = ['out/web.ovf', '--fix', 'require', '--force'];
    const before = await sha256Of(join(scratch.path, 'kvm', 'web-disk-1.qcow2'));
    const { exitCode, stdout } = await start(scratch, args, NOTHING).over;
    expect(exitCode).toBe(17);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      error: { kind: 'host', hint: expect.stringContaining('libguestfs-tools') },
    });
    expect(await sha256Of(join(scratch.path, 'kvm', 'web-disk-1.qcow2'))).toBe(before);
    expect(await namesIn(join(scratch.path, 'kvm'))).toEqual(['web-disk-1.qcow2', 'web.xml']);
  });
});

describe('the fix of a guest', () => {
  let scratch: ScratchFolder;

  beforeAll(async () => {
    scratch = await ScratchFolder.make();
    await mkdir(join(scratch.path, 'tmp'));
    if (findOracle('guestfish') !== undefined) await makeSmallGuests(scratch.path);
  }, APPLIANCE_TEST_MS);

  afterAll(() => scratch[Symbol.asyncDispose]());

  /** What no way out may leave: a final file, a folder, a process, a temporary file; and the source is as it was. */
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
      /^There are 2 systems on the disks: \/dev\/sda1, \/dev\/sda2\.$/,
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
      `of ${what} ends with 16, says why, and leaves nothing`,
      async () => {
        const { exitCode, stdout } = await leaves(name, [], () => start(scratch, [name, '--fix', 'require']).over);
        expect(exitCode).toBe(16);
        expect(JSON.parse(stdout)).toMatchObject({
          ok: false,
          error: { kind: 'guest', message: expect.stringMatching(message), hint: expect.stringMatching(hint) },
        });
      },
      APPLIANCE_TEST_MS,
    );
  }

  /** Ends the program while its appliance runs, which {@link processesOf} has to see. */
  async function endInFix(signal: NodeJS.Signals): Promise<ProgramRun> {
    const program = start(scratch, ['plain.img', '--fix', 'require']);
    await program.said('Looking for the system');
    expect(await processesOf(scratch.path, 0)).not.toEqual([]);
    program.child.kill(signal);
    return await program.over;
  }

  testWithOracle(
    'guestfish',
    'that SIGTERM ends leaves nothing',
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
    'that kill -9 ends leaves a .partial alone, and no appliance',
    async () => {
      const { endedBy } = await leaves('plain.img', ['plain.qcow2.partial'], () => endInFix('SIGKILL'));
      expect(endedBy).toBe('SIGKILL');
    },
    APPLIANCE_TEST_MS,
  );
});

const APPLIANCE_END_MS = 60_000;

/** Processes whose command line names the folder, as guestfish and its QEMU do, when they have had time to end. */
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
