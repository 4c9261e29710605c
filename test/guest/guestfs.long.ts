import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { HostKvm } from '../../src/guest/boot/qemu/accelerator.ts';
import { GuestFiles } from '../../src/guest/guest-files.ts';
import { Guestfs } from '../../src/guest/guestfs.ts';
import { testWithOracle } from '../oracles/oracle.ts';
import { outputOf } from '../oracles/run-program.ts';
import { standInQemu } from './boot/stand-in-qemu.ts';
import { APPLIANCE_TEST_MS, emptyDisk, imageFolder } from './make-disk.ts';

const HOSTILE = ['-rf', `a "b" 'c'`, 'line\nbreak', '\\x41 $(reboot) `x` | cat > x', 'ümläut'];

testWithOracle(
  'guestfish',
  'a session survives hostile names, failed commands and odd files, and an abort leaves no process and no file',
  async () => {
    await using folder = await imageFolder();
    const disk = await emptyDisk(folder.path, 'a.img', 64 * 2 ** 20);
    const ending = new AbortController();
    await using session = await Guestfs.start({ disks: [disk], readOnly: false, signal: ending.signal });
    await session.call(['part-disk', '/dev/sda', 'mbr']);
    await session.call(['mkfs', 'ext4', '/dev/sda1']);
    await session.call(['mount', '/dev/sda1', '/']);
    const files = new GuestFiles(session);
    for (const name of HOSTILE) await files.write(`/names/${name}`, `of ${name.length}\nend`);
    expect((await files.list('/names')).toSorted()).toEqual(HOSTILE.toSorted());
    for (const name of HOSTILE) expect(await files.read(`/names/${name}`)).toBe(`of ${name.length}\nend`);

    // Concurrent calls each receive their own answer.
    const texts = await Promise.all(HOSTILE.map((name) => files.read(`/names/${name}`)));
    expect(texts).toEqual(HOSTILE.map((name) => `of ${name.length}\nend`));

    const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('latin1');
    await files.write('/bytes', everyByte);
    expect(await files.read('/bytes')).toBe(everyByte);

    await expect(session.call(['cat', '/nope'])).rejects.toThrow('/nope: No such file or directory');
    expect(await files.read('/nope')).toBeUndefined();
    expect(await files.list('/nope')).toEqual([]);

    await session.call(['mkfifo', '0600', '/fifo']);
    expect(await files.read('/fifo')).toBeUndefined();
    await session.call(['touch', '/huge']);
    await session.call(['truncate-size', '/huge', '40000000']);
    await expect(files.read('/huge')).rejects.toThrow('/huge in the guest is longer than 1048576 bytes');

    await session.call(['ln-s', '/etc/hostname', '/escape']);
    expect(await files.read('/escape')).toBeUndefined();
    expect(await files.isLink('/escape')).toBe(true);

    const label = 'system_u:object_r:etc_t:s0';
    expect(await files.label('/bytes')).toBeUndefined();
    await session.call(['setxattr', 'security.selinux', label, String(label.length), '/bytes']);
    expect(await files.label('/bytes')).toBe(label);

    const slow = session.call(['sleep', '600']);
    setTimeout(() => ending.abort(new Error('enough')), 500);
    await expect(slow).rejects.toThrow('enough');
    await expect(session.call(['version'])).rejects.toThrow('enough');
    expect(existsSync(session.scratchFolder)).toBe(false);
  },
  APPLIANCE_TEST_MS,
);

testWithOracle(
  'guestfish',
  'a command over its limit ends the session with an error that names it',
  async () => {
    await using folder = await imageFolder();
    const disk = await emptyDisk(folder.path, 'a.img', 2 ** 20);
    await using session = await Guestfs.start({ disks: [disk], readOnly: true, signal: new AbortController().signal });
    await expect(session.call(['sleep', '60'], { limitMs: 300 })).rejects.toThrow(
      'guestfish sleep did not finish within',
    );
  },
  APPLIANCE_TEST_MS,
);

testWithOracle(
  ['guestfish', 'qemu-system-x86_64'],
  'an appliance that hangs or fails with KVM is ended and started in emulation, with one sentence; then KVM is left alone',
  async (oracles) => {
    await using folder = await imageFolder();
    const disk = await emptyDisk(folder.path, 'a.img', 2 ** 20);
    const { LIBGUESTFS_BACKEND_SETTINGS: _none, ...env } = process.env;
    const { signal } = new AbortController();
    const device = join(folder.path, 'kvm');
    await writeFile(device, '');
    const ends = [
      ['hang', 'did not start within 3 seconds with KVM.'],
      ['abort', 'did not start with KVM.'],
    ] as const;
    for (const [breakage, why] of ends) {
      const place = join(folder.path, breakage);
      await mkdir(place);
      const hv = await standInQemu(place, breakage, oracles['qemu-system-x86_64']);
      const kvm = new HostKvm({ XDG_STATE_HOME: place }, { device, prove: () => Promise.resolve(undefined) });
      const warnings: string[] = [];
      const onWarning = (sentence: string): unknown => warnings.push(sentence);
      const options = { disks: [disk], readOnly: true, signal, onWarning, kvm, kvmLimitMs: 3000 };
      await using session = await Guestfs.start({ ...options, env: { ...env, LIBGUESTFS_HV: hv } });
      expect(await session.lines(['list-devices'])).toEqual(['/dev/sda']);
      await session.close();
      const sentence = `The appliance of libguestfs ${why}`;
      expect(warnings).toEqual([`${sentence} Emulation is used instead, which is slow.`]);
      expect(await kvm.find(hv, signal)).toEqual({ accelerator: 'tcg', reason: sentence });
    }
  },
  APPLIANCE_TEST_MS,
);

testWithOracle(
  ['guestfish', 'qemu-system-x86_64'],
  'settings of LIBGUESTFS_BACKEND_SETTINGS are kept as they are: there is no second start',
  async (oracles) => {
    await using folder = await imageFolder();
    const hv = await standInQemu(folder.path, 'abort', oracles['qemu-system-x86_64']);
    const disk = await emptyDisk(folder.path, 'a.img', 2 ** 20);
    const env = { ...process.env, LIBGUESTFS_HV: hv, LIBGUESTFS_BACKEND_SETTINGS: '' };
    const { signal } = new AbortController();
    const onWarning = (sentence: string): never => {
      throw new Error(sentence);
    };
    await expect(Guestfs.start({ disks: [disk], readOnly: true, signal, env, onWarning })).rejects.toMatchObject({
      kind: 'host',
      message: expect.stringContaining('The appliance of libguestfs does not start'),
    });
  },
  APPLIANCE_TEST_MS,
);

testWithOracle(
  ['guestfish', 'qemu-system-x86_64'],
  'a kill of this program ends a guestfish whose appliance hangs, with its recovery process and QEMU',
  async (oracles) => {
    await using folder = await imageFolder();
    const [hv, pid, tmp] = ['hv', 'pid', 'tmp'].map((name) => join(folder.path, name)) as [string, string, string];
    await mkdir(tmp);
    const hang = `#!/bin/sh
      case " $* " in *" -kernel "*) echo $$ > ${pid}.new; mv ${pid}.new ${pid}; trap '' TERM; while :; do sleep 600; done ;; esac
      exec ${oracles['qemu-system-x86_64']} "$@"`;
    await writeFile(hv, hang, { mode: 0o755 });
    const disk = await emptyDisk(folder.path, 'a.img', 2 ** 20);
    const script = `import { Guestfs } from '${new URL('../../src/guest/guestfs.ts', import.meta.url).href}';
      const { signal } = new AbortController();
      await Guestfs.start({ disks: [${JSON.stringify(disk)}], readOnly: true, signal });`;
    const env = { ...process.env, TMPDIR: tmp, LIBGUESTFS_HV: hv, LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg' };
    // Reuses the appliance that another test built, if there is one.
    const cache = { LIBGUESTFS_CACHEDIR: process.env['LIBGUESTFS_CACHEDIR'] ?? '/var/tmp' };
    const ours = spawn(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...env, ...cache },
      stdio: 'ignore',
    });
    await until(() => existsSync(pid));
    const { group, members } = await groupOf((await readFile(pid, 'utf8')).trim());
    expect(members.length).toBeGreaterThan(2);
    ours.kill('SIGKILL');
    await until(async () => (await membersOf(group)).length === 0);
  },
  APPLIANCE_TEST_MS,
);

/**
 * Polls until the condition is true. The limit is long enough for a busy host.
 * @throws when the limit is exceeded
 */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const endMs = Date.now() + APPLIANCE_TEST_MS / 10; !(await isSo()); await pause(100)) {
    if (Date.now() > endMs) throw new Error('waited for too long');
  }
}

async function groupOf(pid: string): Promise<{ group: string; members: string[] }> {
  const group = (await outputOf('ps', ['-o', 'pgid=', '-p', pid])).trim();
  return { group, members: await membersOf(group) };
}

/** Returns the processes of a group. Zombies, whose exit code the parent has not read yet, are not counted. */
async function membersOf(group: string): Promise<string[]> {
  const rows = (await outputOf('ps', ['-e', '-o', 'pgid=,stat=,args=']))
    .split('\n')
    .map((row) => row.trim().split(/ +/));
  return rows.filter(([id, state]) => id === group && !state?.startsWith('Z')).map((row) => row.slice(2).join(' '));
}
