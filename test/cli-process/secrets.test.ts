import { expect, test } from '@jest/globals';
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { ScratchFolder } from '../operations/export/export-run.ts';
import { mixedContent } from '../server/content-source.ts';
import { startTestServer } from '../server/test-server.ts';
import { environmentOf, runProgram, startProgram } from './program.ts';

const PASSWORD = 'Zaq-1 <&"%ü> wort';
const OPTIONS = {
  credentials: { username: 'dom\\joe@vsphere.local', password: PASSWORD },
  vms: [{ name: 'web', disks: [{ content: mixedContent(1 << 20, 'web') }] }],
};

/** Returns the content of all files below the folder. */
async function textsIn(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const texts = entries
    .filter((entry) => entry.isFile())
    .map((entry) => readFile(join(entry.parentPath, entry.name), 'latin1'));
  return (await Promise.all(texts)).join('\n');
}

test.concurrent('the password is read from a file, standard input or a URL, and is nowhere to be seen', async () => {
  await using server = await startTestServer(OPTIONS);
  await using scratch = await ScratchFolder.make();
  const file = join(scratch.path, 'password');
  await writeFile(file, `${PASSWORD}\n`);
  await chmod(file, 0o600);
  const { HYPER2KVM_PASSWORD: _, ...env } = environmentOf(server, join(scratch.path, 'state'));
  const url = new URL(server.url);
  url.username = encodeURIComponent(server.username);
  url.password = encodeURIComponent(PASSWORD);
  const ways = [
    { args: ['--password-file', file] },
    { args: ['--password-file', '-'], stdin: `${PASSWORD}\nnot the password\n` },
    { args: [], env: { HYPER2KVM_URL: url.href, HYPER2KVM_USERNAME: '' } },
    { args: [], env: { HYPER2KVM_URL: '', GOVC_URL: url.href, HYPER2KVM_USERNAME: '' } },
    { args: [], env: { GOVC_PASSWORD: PASSWORD } },
  ];
  for (const [index, way] of ways.entries()) {
    const args = ['export', 'web', '-o', join(scratch.path, `out${index}`), ...way.args];
    const run = await runProgram(args, { cwd: scratch.path, ...way, env: { ...env, ...way.env } });
    expect(run.stderr).not.toMatch(/Error/);
    expect(run.exitCode).toBe(0);
    for (const shown of [PASSWORD, encodeURIComponent(PASSWORD)]) expect(run.stdout + run.stderr).not.toContain(shown);
  }
  await writeFile(file, '');
  expect(await textsIn(scratch.path)).not.toContain(PASSWORD.slice(0, 5));
});

test.concurrent('a failure, its stack and its record show no password', async () => {
  await using server = await startTestServer(OPTIONS);
  await using scratch = await ScratchFolder.make();
  const base = environmentOf(server, join(scratch.path, 'state'));
  const url = new URL(server.url);
  url.username = 'joe';
  url.password = 'geheim-123';
  const env = {
    ...base,
    HYPER2KVM_DEBUG: '1',
    HYPER2KVM_URL: url.href,
    HYPER2KVM_PASSWORD: '',
    HYPER2KVM_USERNAME: '',
  };
  for (const args of [
    ['export', 'web'],
    ['export', 'web', '--json'],
    ['status'],
    ['list', '--json'],
    ['export', 'web', '--password=geheim-123'],
  ]) {
    const { stdout, stderr, exitCode } = await runProgram(args, { env, cwd: scratch.path });
    expect(exitCode).toBe(args.at(-1)?.startsWith('--password') ? 2 : 10);
    expect(stdout + stderr).not.toContain('geheim-123');
  }
  expect(await textsIn(join(scratch.path, 'state'))).not.toContain('geheim-123');
});

test.concurrent('the record of a job is for its owner alone, and tells how the job ended', async () => {
  await using server = await startTestServer(OPTIONS);
  await using scratch = await ScratchFolder.make();
  const env = environmentOf(server, join(scratch.path, 'state'));
  await runProgram(['export', 'web', '-o', 'out'], { env, cwd: scratch.path });
  server.faults.add({ on: 'disk', action: 'status', status: 403 });
  await runProgram(['export', 'web', '-o', 'out2'], { env, cwd: scratch.path });
  const folder = join(scratch.path, 'state', 'hyper2kvm', 'jobs');
  for (const name of await readdir(folder)) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);

  const { stdout } = await runProgram(['status', '--json'], { env, cwd: scratch.path });
  const { result }: { result: { jobs: { id: string; state: string }[] } } = JSON.parse(stdout);
  expect(result.jobs.map(({ state }) => state)).toEqual(expect.arrayContaining(['failed', 'done']));
  const failed = result.jobs.find(({ state }) => state === 'failed');
  const one = await runProgram(['status', '--job', failed?.id ?? '', '--json'], { env, cwd: scratch.path });
  expect(JSON.parse(one.stdout)).toMatchObject({
    ok: true,
    result: { state: 'failed', vms: [{ vm: 'web', state: 'failed', error: { kind: 'transfer' } }] },
  });
  const done = result.jobs.find(({ state }) => state === 'done');
  const shown = await runProgram(['status', '--job', done?.id ?? ''], { env, cwd: scratch.path });
  expect(shown.stdout).toContain('web-disk-1.vmdk');
});

test.concurrent.each(['not a job', '../../etc/passwd'])('a job %j is not found', async (id) => {
  await using scratch = await ScratchFolder.make();
  const env = environmentOf(undefined, join(scratch.path, 'state'));
  const run = await runProgram(['status', '--job', id], { env, cwd: scratch.path });
  expect(run).toMatchObject({ exitCode: 11, stdout: '' });
});

test.concurrent('the password is not among the arguments or in a child of the program', async () => {
  await using server = await startTestServer(OPTIONS);
  await using scratch = await ScratchFolder.make();
  server.faults.add({ on: 'disk', action: 'drip', bytesPerSecond: 50_000 });
  const env = environmentOf(server, join(scratch.path, 'state'));
  const program = startProgram(['export', 'web', '-o', 'out'], { env, cwd: scratch.path });
  await program.said('started');
  const commandLine = await readFile(`/proc/${program.child.pid}/cmdline`, 'latin1');
  program.child.kill('SIGTERM');
  await program.over;
  expect(commandLine).toContain('export');
  expect(commandLine).not.toContain('Zaq');
});

test.concurrent('a password that no login can send is refused by its source, and shown nowhere', async () => {
  await using server = await startTestServer(OPTIONS);
  await using scratch = await ScratchFolder.make();
  const file = join(scratch.path, 'password');
  await writeFile(file, Buffer.from('\ufeffhunter2\r\n', 'utf16le'), { mode: 0o600 });
  const { HYPER2KVM_PASSWORD: _, ...base } = environmentOf(server, join(scratch.path, 'state'));
  const env = { ...base, HYPER2KVM_DEBUG: '1' };
  const ways = [
    { args: ['--password-file', file], env, source: file },
    { args: [], env: { ...env, HYPER2KVM_PASSWORD: 'hun\u0001ter2' }, source: 'HYPER2KVM_PASSWORD' },
    { args: [], env: { ...env, HYPER2KVM_URL: 'https://joe:hun#ter2@127.0.0.1' }, source: 'HYPER2KVM_URL' },
    { args: ['--url', 'https://joe:hun/ter2@127.0.0.1'], env, source: '--url' },
  ];
  for (const { args, env: given, source } of ways) {
    const words = ['export', 'web', '--json', '--log-file', join(scratch.path, 'log'), ...args];
    const run = await runProgram(words, { env: given, cwd: scratch.path });
    expect(run.exitCode).toBe(2);
    expect(JSON.parse(run.stdout)).toMatchObject({ error: { message: expect.stringContaining(source) } });
    const shown = run.stdout + run.stderr + (await readFile(join(scratch.path, 'log'), 'utf8').catch(() => ''));
    expect(shown.replaceAll(/\0|\\0/g, '')).not.toMatch(/hun|ter2/);
  }
  await rm(file);
  expect((await textsIn(scratch.path)).replaceAll('\0', '')).not.toMatch(/hun|ter2/);
});

test.concurrent('an insecure environment does not send the login past a pin to another server', async () => {
  await using server = await startTestServer(OPTIONS);
  await using scratch = await ScratchFolder.make();
  const env = { ...environmentOf(server, join(scratch.path, 'state')), GOVC_INSECURE: '1' };
  const other = ['--thumbprint', 'AB'.repeat(32)];
  expect(await runProgram(['list', ...other], { env, cwd: scratch.path })).toMatchObject({ exitCode: 15 });
  expect(await runProgram(['list'], { env, cwd: scratch.path })).toMatchObject({ exitCode: 0 });
  const both = await runProgram(['list', '--insecure'], { env, cwd: scratch.path });
  expect(both).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('contradicts HYPER2KVM_THUMBPRINT') });
});

test.concurrent('a fault that repeats the password shows it nowhere: screen, JSON, log, record or notice', async () => {
  await using server = await startTestServer(OPTIONS);
  await using scratch = await ScratchFolder.make();
  const message = `denied to joe with <password>${PASSWORD}</password>, ${encodeURIComponent(PASSWORD)}`;
  server.faults.add({ on: 'ExportVm', times: 2, action: 'soap-fault', fault: 'NotSupported', message });
  const env = { ...environmentOf(server, join(scratch.path, 'state')), HYPER2KVM_DEBUG: '1' };
  const notice = join(scratch.path, 'notice');
  for (const json of [[], ['--json']]) {
    const words = ['export', 'web', '--log-file', join(scratch.path, 'log'), '--notify-command', `cat >> ${notice}`];
    const run = await runProgram([...words, ...json], { env, cwd: scratch.path });
    expect(run.exitCode).not.toBe(0);
    expect(run.stdout + run.stderr).toContain('denied to joe');
    expect(run.stdout + run.stderr).not.toMatch(/Zaq|wort/);
  }
  expect(await readFile(notice, 'utf8')).toContain('denied to joe');
  const kept = await textsIn(scratch.path);
  expect(kept).toContain('denied to joe');
  expect(kept).not.toMatch(/Zaq|wort/);
});

test.concurrent(
  'HYPER2KVM_DEBUG shows stacks and causes, and not the requests with their cookie and password',
  async () => {
    await using server = await startTestServer(OPTIONS);
    await using scratch = await ScratchFolder.make();
    const env = { ...environmentOf(server, join(scratch.path, 'state')), HYPER2KVM_DEBUG: '1' };
    for (const on of ['Login', 'CreateContainerView'] as const) {
      server.faults.add({ on, times: 20, action: 'reset' });
      const run = await runProgram(['list'], { env, cwd: scratch.path });
      expect(run.exitCode).toBe(12);
      expect(run.stderr).toMatch(/Caused by: .*Error[^]* at /);
      expect(run.stderr).not.toMatch(/vmware_soap_session|[Cc]ookie|Zaq|Envelope/);
    }
  },
);

test.concurrent('a detached process has no password of a URL in its environment or command line', async () => {
  await using server = await startTestServer(OPTIONS);
  await using scratch = await ScratchFolder.make();
  const held = Promise.withResolvers<void>();
  server.faults.add({ on: 'disk', times: 3, action: 'hold', until: held.promise });
  const { HYPER2KVM_PASSWORD: _, ...base } = environmentOf(server, join(scratch.path, 'state'));
  const url = new URL(server.url);
  url.username = encodeURIComponent(server.username);
  url.password = encodeURIComponent(PASSWORD);
  const env = { ...base, HYPER2KVM_USERNAME: '', GOVC_URL: url.href, GOVC_PASSWORD: PASSWORD };
  for (const args of [['--url', url.href], [`--url=${url.href}`], []]) {
    const words = ['export', 'web', '--detach', '--json', '-o', `out${args.length}${args[0]?.length ?? ''}`, ...args];
    // The URL in the environment applies only if no flag sets one.
    const given = { ...env, HYPER2KVM_URL: args.length === 0 ? url.href : '' };
    const run = await runProgram(words, { env: given, cwd: scratch.path });
    expect(run).toMatchObject({ exitCode: 0 });
    const { result }: { result: { pid: number; job: string } } = JSON.parse(run.stdout);
    const open = await Promise.all(
      ['environ', 'cmdline'].map((name) => readFile(`/proc/${result.pid}/${name}`, 'latin1')),
    );
    expect(open.join('\n')).toContain(server.url.host);
    expect(open.join('\n')).not.toContain('Zaq');
    expect(await runProgram(['cancel', result.job], { env, cwd: scratch.path })).toMatchObject({ exitCode: 0 });
  }
  held.resolve();
});

test.concurrent(
  'programs that are called get none of the settings of this one, nor other secrets of the environment',
  async () => {
    await using scratch = await ScratchFolder.make();
    const [bin, seen] = ['bin', 'seen'].map((name) => join(scratch.path, name)) as [string, string];
    await Promise.all([bin, seen].map((path) => mkdir(path)));
    const programs = ['guestfish', 'qemu-img', 'qemu-system-x86_64', 'virsh', 'virt-v2v', 'virt-v2v-in-place'];
    for (const name of programs) {
      await writeFile(join(bin, name), `#!/bin/sh\n/usr/bin/env > ${seen}/${name}.$$\nexit 1\n`, { mode: 0o755 });
    }
    const disk = join(scratch.path, 'disk.img');
    const bytes = Buffer.alloc(1 << 20);
    bytes.set([0x55, 0xaa], 510);
    await writeFile(disk, bytes);
    const env = {
      ...environmentOf(undefined, join(scratch.path, 'state')),
      PATH: [bin, dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter),
      HYPER2KVM_PASSWORD: PASSWORD,
      GOVC_URL: `https://joe:${encodeURIComponent(PASSWORD)}@127.0.0.1:1`,
      AWS_SECRET_ACCESS_KEY: PASSWORD,
      LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg',
      LC_TIME: 'C.UTF-8',
    };
    const calls = [
      ['status', '--timeout', '1s'],
      ['boot-test', disk, '--accelerator', 'tcg'],
      ['convert', disk, '--fix', 'require', '-o', 'a.qcow2'],
      ['convert', disk, '--fix', 'off', '--define', '-o', 'b.qcow2'],
    ];
    for (const words of calls) await runProgram(words, { env, cwd: scratch.path });
    const called = new Set((await readdir(seen)).map((name) => name.replace(/\.\d+$/, '')));
    expect([...called]).toEqual(expect.arrayContaining(['guestfish', 'qemu-img', 'virsh']));
    const text = await textsIn(seen);
    expect(text).toContain('LC_TIME=C.UTF-8');
    expect(text).not.toMatch(/Zaq|HYPER2KVM_|GOVC_|AWS_/);
  },
);
