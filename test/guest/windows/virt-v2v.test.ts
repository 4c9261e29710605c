import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { HostKvm } from '../../../src/guest/boot/qemu/accelerator.ts';
import { findVirtV2v } from '../../../src/guest/windows/find-virt-v2v.ts';
import { runVirtV2v } from '../../../src/guest/windows/virt-v2v.ts';
import { imageFolder } from '../make-disk.ts';

const WAIT_MS = 60_000;

let folder: Awaited<ReturnType<typeof imageFolder>>;

beforeEach(async () => {
  folder = await imageFolder();
  await mkdir(join(folder.path, 'tmp'));
});

afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});

/**
 * Runs a script in place of virt-v2v-in-place, and returns its warnings. In the script, `$XML` is the last argument.
 */
async function run(
  script: string,
  signal = new AbortController().signal,
  steps: string[] = [],
  mac: string[] = [],
): Promise<string[]> {
  const program = join(folder.path, 'virt-v2v-in-place');
  const xml = join(folder.path, 'xml');
  await writeFile(program, `#!/bin/sh\nfor XML; do :; done\necho "$XML" > ${xml}\n${script}\n`);
  await chmod(program, 0o755);
  const env = { ...process.env, LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg' };
  const disks = [
    { path: '/srv/a & b.partial', format: 'raw' },
    { path: '/srv/c.partial', format: 'qcow2' },
  ];
  const onStep = (text: string): void => void steps.push(text);
  return await runVirtV2v({ program, disks, root: '/dev/sda2', virtioWin: '/srv/win.iso', mac, signal, env, onStep });
}

/** Expects that the folder with the last script's VM description was removed. */
async function expectNothingLeft(): Promise<void> {
  const xml = await readFile(join(folder.path, 'xml'), 'utf8');
  expect(xml).toMatch(/machine\.xml\n$/);
  expect(existsSync(dirname(xml))).toBe(false);
}

const say = (type: string, message: string): string => `printf '%s\\n' '${JSON.stringify({ message, type })}'`;

test('it gets all disks in a description, the root, virtio-win and static addresses; its steps and warnings come back', async () => {
  const seen = join(folder.path, 'seen');
  const steps: string[] = [];
  const script = `{ echo "$@"; echo "$VIRTIO_WIN"; cat "$XML"; } > ${seen}
    ${say('message', 'Opening\nthe source')}; echo '[ 0.1] Opening the source'; echo '{ half'; ${say('warning', 'no agent')}`;
  const mac = ['00:50:56:00:00:0a:ip:192.0.2.10,192.0.2.1,24,192.0.2.53', '00:50:56:00:00:0b:ip:198.51.100.7'];
  expect(await run(script, undefined, steps, mac)).toEqual(['no agent']);
  expect(steps).toEqual(['Opening the source']);
  const [args, virtioWin, ...xml] = (await readFile(seen, 'utf8')).split('\n').map((line) => line.trim());
  expect(args?.split(' ').slice(0, -1)).toEqual([
    '--machine-readable',
    '--root',
    '/dev/sda2',
    ...mac.flatMap((value) => ['--mac', value]),
    '-i',
    'libvirtxml',
  ]);
  expect(virtioWin).toBe('/srv/win.iso');
  expect(xml.filter((line) => /^<(driver|source)/.test(line))).toEqual([
    '<driver name="qemu" type="raw"/>',
    '<source file="/srv/a &amp; b.partial"/>',
    '<driver name="qemu" type="qcow2"/>',
    '<source file="/srv/c.partial"/>',
  ]);
  await expectNothingLeft();
});

test.each([
  ['its own message', `${say('error', 'not enough\nfree space')}; echo other >&2; exit 1`, 'not enough free space'],
  ['its standard error', 'echo no nbdkit >&2; exit 1', 'no nbdkit'],
  ['its code', 'exit 3', 'it ended with code 3.'],
])('a failure is told by %s', async (_by, script, said) => {
  await expect(run(script)).rejects.toMatchObject({
    kind: 'guest',
    message: `virt-v2v-in-place could not change Windows: ${said}`,
    hint: expect.stringContaining('The source is unchanged.'),
  });
  await expectNothingLeft();
});

test('where its appliance hangs or fails with KVM, it is started again in emulation, with one sentence', async () => {
  const device = join(folder.path, 'kvm');
  await writeFile(device, '');
  const up = ['Setting up', 'Opening', 'Inspecting'].map((message) => say('message', message)).join('; ');
  const ends = [
    ['exec sleep 600', 'The appliance of libguestfs did not start within 2 seconds with KVM.'],
    ['exit 1', 'The appliance of virt-v2v-in-place did not start with KVM.'],
  ];
  for (const [index, [end, sentence]] of ends.entries()) {
    const path = join(folder.path, 'virt-v2v-in-place');
    const inKvm = `${say('message', 'Setting up')}; ${say('message', 'Opening')}; ${end}`;
    await writeFile(
      path,
      `#!/bin/sh\ncase "$LIBGUESTFS_BACKEND_SETTINGS" in force_tcg) ${up}; ${say('warning', 'slow')} ;; *) ${inKvm} ;; esac\n`,
      { mode: 0o755 },
    );
    const { LIBGUESTFS_BACKEND_SETTINGS: _none, ...env } = process.env;
    const state = { XDG_STATE_HOME: join(folder.path, String(index)) };
    const warnings: string[] = [];
    const found = await runVirtV2v({
      program: path,
      disks: [],
      root: '/dev/sda1',
      virtioWin: '/srv/win.iso',
      onStep: () => {},
      env: { ...env, LIBGUESTFS_HV: path },
      signal: new AbortController().signal,
      kvmLimitMs: 2000,
      kvm: new HostKvm(state, { device, prove: () => Promise.resolve(undefined) }),
      onWarning: (warning) => warnings.push(warning),
    });
    expect(found).toEqual(['slow']);
    expect(warnings).toEqual([`${sentence} Emulation is used instead, which is slow.`]);
  }
});

test('an abort ends it with what it started, and leaves no file', async () => {
  const pids = join(folder.path, 'pids');
  const abort = new AbortController();
  const running = run(`sleep 600 & echo $! $$ > ${pids}.new; mv ${pids}.new ${pids}; wait`, abort.signal);
  await until(async () => (await readdir(folder.path)).includes('pids'));
  abort.abort(new Error('enough'));
  await expect(running).rejects.toThrow('enough');
  for (const pid of (await readFile(pids, 'utf8')).trim().split(' ')) expect(await isRunning(pid)).toBe(false);
  await expectNothingLeft();
});

test(
  'a kill of this program ends it with what it started, and leaves no file',
  async () => {
    const pid = join(folder.path, 'pid');
    const program = join(folder.path, 'virt-v2v-in-place');
    await writeFile(program, `#!/bin/sh\nsleep 600 & echo $! $$ > ${pid}.new; mv ${pid}.new ${pid}; exec sleep 600\n`, {
      mode: 0o755,
    });
    const options = { program, disks: [], root: '/dev/sda1', virtioWin: '/srv/win.iso' };
    const module = new URL('../../../src/guest/windows/virt-v2v.ts', import.meta.url).href;
    const script = `import { runVirtV2v } from '${module}';
    const signal = new AbortController().signal;
    await runVirtV2v({ ...${JSON.stringify(options)}, signal, env: process.env, onStep: () => {} });`;
    const env = { ...process.env, TMPDIR: join(folder.path, 'tmp'), LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg' };
    const ours = spawn(process.execPath, ['--input-type=module', '-e', script], { env, stdio: 'ignore' });
    await until(async () => (await readdir(folder.path)).includes('pid'));
    ours.kill('SIGKILL');
    const started = (await readFile(pid, 'utf8')).trim().split(' ');
    await until(
      async () =>
        !(await Promise.all(started.map(isRunning))).includes(true) &&
        (await readdir(join(folder.path, 'tmp'))).length === 0,
    );
  },
  2 * WAIT_MS,
);

/**
 * Polls until the condition is true. The limit is long enough for a busy host.
 * @throws when the limit is exceeded
 */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const endMs = Date.now() + WAIT_MS; !(await isSo()); await pause(20)) {
    if (Date.now() > endMs) throw new Error('waited for too long');
  }
}

/** Whether a process runs. A zombie, whose exit code the parent has not read yet, has an empty command line. */
async function isRunning(pid: string): Promise<boolean> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')) !== '';
}

test('what is missing on the host is named, with where it comes from', async () => {
  const env = { PATH: folder.path, VIRT_TOOLS_DATA_DIR: join(folder.path, 'tmp') };
  await writeFile(join(folder.path, 'virt-v2v-in-place'), '', { mode: 0o755 });
  expect(() => findVirtV2v(env)).toThrow(
    expect.objectContaining({
      kind: 'host',
      message: `There is no rhsrvany.exe in ${join(folder.path, 'tmp')}, which virt-v2v-in-place installs in Windows.`,
      hint: expect.stringContaining('VIRT_TOOLS_DATA_DIR'),
    }),
  );
  await writeFile(join(folder.path, 'tmp', 'rhsrvany.exe'), '');
  expect(findVirtV2v(env)).toBe(join(folder.path, 'virt-v2v-in-place'));
});
