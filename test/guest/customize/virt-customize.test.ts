import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { HostKvm } from '../../../src/guest/boot/qemu/accelerator.ts';
import { CustomizeError } from '../../../src/guest/customize/customize-errors.ts';
import { runVirtCustomize, type CustomizeRun } from '../../../src/guest/customize/virt-customize.ts';
import { imageFolder } from '../make-disk.ts';

const WAIT_MS = 60_000;
const UP = "echo '[   0.0] Examining the guest ...'; echo '[  12.3] Setting a random seed'";

let folder: Awaited<ReturnType<typeof imageFolder>>;

beforeEach(async () => {
  folder = await imageFolder();
});

afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});

/** Runs a script in place of virt-customize. */
async function run(script: string, more: Partial<CustomizeRun> = {}): Promise<string[]> {
  const path = join(folder.path, 'virt-customize');
  await writeFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return await runVirtCustomize({
    program: { path, options: new Set(['selinux-relabel']) },
    disks: [
      { path: '/srv/a b.overlay', format: 'qcow2' },
      { path: '/srv/c.overlay', format: 'qcow2' },
    ],
    keys: [{ device: '/dev/sda3', keyFile: '/root/key' }],
    text: 'root-password password:geheim-1\n',
    more: () => Promise.resolve(['--firstboot', '/srv/first.sh']),
    network: false,
    relabel: false,
    secrets: ['password:geheim-1', 'geheim-1'],
    hint: 'The source is unchanged.',
    signal: new AbortController().signal,
    env: { ...process.env, LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg', HYPER2KVM_PASSWORD: 'geheim-2' },
    onStep: () => {},
    ...more,
  });
}

test('it gets the disks with their formats, the keys, the private command file and the options', async () => {
  const seen = join(folder.path, 'seen');
  const steps: string[] = [];
  const script = `for word; do echo "$word"; done >${seen}
    while [ "$1" != --commands-from-file ]; do shift; done
    { echo "$2"; stat -c %a "$2"; cat "$2"; env | grep -c geheim; } >${seen}-file
    ${UP}; echo 'virt-customize: warning: no seed'`;
  expect(await run(script, { onStep: (text) => void steps.push(text) })).toEqual(['no seed']);
  expect(steps).toEqual(['Examining the guest ...', 'Setting a random seed']);
  const [file = '', ...rest] = (await readFile(`${seen}-file`, 'utf8')).trim().split('\n');
  expect(rest).toEqual(['600', 'root-password password:geheim-1', '0']);
  const expected = `--format|qcow2|--add|/srv/a b.overlay|--format|qcow2|--add|/srv/c.overlay|--key|/dev/sda3:file:/root/key|--no-network|--commands-from-file|${file}|--firstboot|/srv/first.sh`;
  expect((await readFile(seen, 'utf8')).trim().split('\n')).toEqual(expected.split('|'));
  expect(existsSync(dirname(file))).toBe(false);
  await run(`echo "$*" >${seen}`, { network: true, relabel: true, text: undefined });
  expect(await readFile(seen, 'utf8')).toMatch(/ --network --selinux-relabel --firstboot /);
});

test('a failure has the last step and its output, which the program writes to /dev/stderr, without secrets', async () => {
  const script = `${UP}; echo '[  13.0] Running: set geheim-1'
    echo 'E: Unable to locate geheim-1' >/dev/stderr
    printf 'virt-customize: error: set: command exited with an error\\n\\nIf reporting bugs, run virt-customize with -v\\n' >&2; exit 1`;
  const failure = await run(script).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(CustomizeError);
  expect(failure).toMatchObject({
    kind: 'guest',
    message:
      'virt-customize could not change the guest: Running: set ***\nE: Unable to locate ***\nvirt-customize: error: set: command exited with an error',
    hint: 'The source is unchanged.',
  });
  await expect(run(`${UP}; exit 7`)).rejects.toThrow(/Setting a random seed\nit ended with code 7/);
});

test('where its appliance hangs or fails with KVM, it is started again in emulation', async () => {
  const device = join(folder.path, 'kvm');
  await writeFile(device, '');
  for (const [index, end] of ['exec sleep 600', 'exit 1'].entries()) {
    const inKvm = `echo '[   0.0] Examining the guest ...'; ${end}`;
    const { LIBGUESTFS_BACKEND_SETTINGS: _none, ...env } = process.env;
    const warnings: string[] = [];
    const script = `case "$LIBGUESTFS_BACKEND_SETTINGS" in force_tcg) ${UP};; *) ${inKvm};; esac`;
    await run(script, {
      env: { ...env, LIBGUESTFS_HV: join(folder.path, 'virt-customize') },
      kvmLimitMs: 2000,
      kvm: new HostKvm(
        { XDG_STATE_HOME: join(folder.path, String(index)) },
        { device, prove: () => Promise.resolve(undefined) },
      ),
      onWarning: (warning) => void warnings.push(warning),
    });
    expect(warnings).toEqual([expect.stringMatching(/did not start.* with KVM\. Emulation is used instead/)]);
  }
});

test('an abort ends it with what it started', async () => {
  const pids = join(folder.path, 'pids');
  const abort = new AbortController();
  const running = run(`sleep 600 & echo $! $$ >${pids}.new; mv ${pids}.new ${pids}; wait`, { signal: abort.signal });
  for (const endMs = Date.now() + WAIT_MS; !(await readdir(folder.path)).includes('pids'); await pause(20)) {
    if (Date.now() > endMs) throw new Error('waited for too long');
  }
  abort.abort(new Error('enough'));
  await expect(running).rejects.toThrow('enough');
  for (const pid of (await readFile(pids, 'utf8')).trim().split(' ')) {
    expect(await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).toBe('');
  }
});
