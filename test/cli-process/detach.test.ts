import { expect, test } from '@jest/globals';
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { leftOnServer, NOTHING_LEFT, ScratchFolder } from '../operations/export/export-run.ts';
import { randomContent } from '../server/content-source.ts';
import { startTestServer, type TestServer } from '../server/test-server.ts';
import { jobsIn } from './job-records.ts';
import { environmentOf, runProgram } from './program.ts';

const PASSWORD = 'Zaq-1-xsw-2';
const OPTIONS = {
  credentials: { username: 'joe', password: PASSWORD },
  vms: [{ name: 'web', powerState: 'poweredOn', disks: [{ content: randomContent(4 << 20, 'web') }] }],
} as const;
/** Each call starts a process, and other tests run concurrently. */
const LIMIT_MS = 120_000;
const SLOW = { on: 'disk', action: 'drip', bytesPerSecond: 20_000, times: 100 } as const;

const jobsOf = (scratch: ScratchFolder) => jobsIn(join(scratch.path, 'state'));

function settingsOf(server: TestServer | undefined, scratch: ScratchFolder) {
  return { env: environmentOf(server, join(scratch.path, 'state')), cwd: scratch.path };
}

/** Starts a detached export from a snapshot. */
async function detach(server: TestServer, scratch: ScratchFolder, ...args: string[]) {
  const options = settingsOf(server, scratch);
  const words = ['export', 'web', '--snapshot', '-o', 'out', '--detach', '--json', ...args];
  const { exitCode, stdout, stderr } = await runProgram(words, options);
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  const { result }: { result: { job: string; pid: number; log: string } } = JSON.parse(stdout);
  return { ...result, ask: (...more: string[]) => runProgram(more, options) };
}

async function sending(server: TestServer): Promise<void> {
  while (!server.state().downloads.some(({ sentBytes }) => sentBytes > 0)) await pause(20);
}

/** Resolves when a process has ended, even if its exit code has not been read. */
async function ended(pid: number): Promise<void> {
  const fields = () => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') X');
  while (!/^[ZX]/.test((await fields()).replace(/^.*\) /s, ''))) await pause(20);
}

test.concurrent(
  'a detached export runs in a session of its own, is followed to its end, and exports',
  async () => {
    await using server = await startTestServer(OPTIONS);
    await using scratch = await ScratchFolder.make();
    const looked = Promise.withResolvers<void>();
    server.faults.add({ on: 'disk', action: 'hold', until: looked.promise });
    const { job, pid, log, ask } = await detach(server, scratch);
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
    // Fields 5 and 6 of proc(5): the process has its own process group and session.
    expect(fields.slice(2, 4)).toEqual([String(pid), String(pid)]);
    looked.resolve();
    const followed = await ask('status', '--job', job, '--follow');
    expect(followed).toMatchObject({ exitCode: 0, stderr: '' });
    expect(followed.stdout).toContain(`Job ${job}: done`);
    expect(followed.stdout).toContain(`  Log      ${log}`);
    expect(await scratch.files()).toEqual(['web-disk-1.vmdk', 'web.mf', 'web.ovf']);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
    expect((await stat(log)).mode & 0o777).toBe(0o600);
    expect(await readFile(log, 'utf8')).toMatch(/web-disk-1\.vmdk: complete/);
  },
  LIMIT_MS,
);

test.concurrent(
  'without --json its id is all that stands on standard output',
  async () => {
    await using server = await startTestServer(OPTIONS);
    await using scratch = await ScratchFolder.make();
    const options = settingsOf(server, scratch);
    await writeFile(join(scratch.path, 'vms.txt'), 'web\n');
    const { HYPER2KVM_PASSWORD: password, ...env } = options.env;
    const args = ['export', '--from-file', 'vms.txt', '--password-file', '-', '--snapshot', '-o', 'out', '--detach'];
    // The background process cannot read these inputs again, because its standard input is empty.
    const { exitCode, stdout, stderr } = await runProgram(args, { ...options, env, stdin: `${password}\n` });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^\d{8}T\d{6}Z-export-[0-9a-f]{8}\n$/);
    expect(stderr).toContain(`To follow it:\n  hyper2kvm status --job ${stdout.trim()} --follow`);
    expect((await runProgram(['status', '--job', stdout.trim(), '--follow'], options)).exitCode).toBe(0);
  },
  LIMIT_MS,
);

test.concurrent(
  'the password is in no command line, environment, log or record of the detached process',
  async () => {
    await using server = await startTestServer(OPTIONS);
    await using scratch = await ScratchFolder.make();
    server.faults.add(SLOW);
    const { job, pid, log, ask } = await detach(server, scratch);
    await sending(server);
    for (const name of ['cmdline', 'environ']) {
      expect(await readFile(`/proc/${pid}/${name}`, 'latin1')).not.toContain(PASSWORD);
    }
    expect(await readFile(`/proc/${pid}/cmdline`, 'latin1')).toContain('--snapshot');
    expect(await ask('cancel', job)).toMatchObject({ exitCode: 0, stdout: `Cancelled ${job}.\n` });
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
    expect(await scratch.files()).toEqual([]);
    for (const file of [log, join(jobsOf(scratch), `${job}.json`)]) {
      expect(await readFile(file, 'utf8')).not.toContain(PASSWORD);
    }
    expect((await ask('status', '--job', job, '--follow')).exitCode).toBe(143);
  },
  LIMIT_MS,
);

test.concurrent(
  'a failure of the export itself is that of the job, with its own exit code',
  async () => {
    await using server = await startTestServer(OPTIONS);
    await using scratch = await ScratchFolder.make();
    server.faults.add({ on: 'disk', action: 'status', status: 403, times: 10 });
    const { job, ask } = await detach(server, scratch, '--retries', '0');
    const running = await ask('jobs', '--follow', '--json');
    expect(JSON.parse(running.stdout)).toMatchObject({ exitCode: 12, result: { id: job, state: 'failed' } });
    const followed = await ask('status', '--job', job, '--follow', '--json');
    expect(JSON.parse(followed.stdout)).toMatchObject({ exitCode: 12, result: { state: 'failed', exitCode: 12 } });
  },
  LIMIT_MS,
);

test.concurrent.each([
  ['a wrong password', 10, 'authentication', ['web'], { HYPER2KVM_PASSWORD: 'wrong' }],
  ['an unknown VM', 11, 'not-found', ['wbe'], {}],
  ['a VM that cannot be exported as it is', 2, 'usage', ['web'], {}],
])(
  'a job that cannot begin for %s is reported at once with its exit code, as its record has it',
  async (_, exitCode, kind, words, env) => {
    await using server = await startTestServer(OPTIONS);
    await using scratch = await ScratchFolder.make();
    const settings = settingsOf(server, scratch);
    const options = { ...settings, env: { ...settings.env, ...env } };
    const refused = await runProgram(['export', ...words, '-o', 'out', '--detach', '--json'], options);
    expect(refused.exitCode).toBe(exitCode);
    const document: { error: { kind: string; message: string } } = JSON.parse(refused.stdout);
    expect(document).toMatchObject({ ok: false, exitCode, error: { kind } });
    const { stdout } = await runProgram(['status', '--json'], options);
    const { error } = document;
    expect(JSON.parse(stdout).result.jobs).toMatchObject([{ state: 'failed', exitCode }]);
    expect(stdout).toContain(JSON.stringify(error.message));
  },
  LIMIT_MS,
);

test.concurrent(
  'a killed process is interrupted at the next look',
  async () => {
    await using server = await startTestServer(OPTIONS);
    await using scratch = await ScratchFolder.make();
    server.faults.add(SLOW);
    const { job, pid, ask } = await detach(server, scratch);
    await sending(server);
    process.kill(pid, 'SIGKILL');
    await ended(pid);
    const { stdout } = await ask('status', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ result: { jobs: [{ id: job, state: 'interrupted' }] } });
    expect(JSON.parse((await ask('jobs', '--state', 'interrupted', '--json')).stdout).result).toMatchObject([
      { id: job },
    ]);
    expect(JSON.parse((await ask('jobs', '--state', 'done', '--json')).stdout).result).toEqual([]);
  },
  LIMIT_MS,
);

test.concurrent(
  'what is wrong with the command is told in the foreground, and leaves no job',
  async () => {
    await using server = await startTestServer(OPTIONS);
    await using scratch = await ScratchFolder.make();
    const options = settingsOf(server, scratch);
    const both = await runProgram(['export', 'web', '--detach', '--dry-run'], options);
    expect(both).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--detach and --dry-run are mutually exclusive'),
    });
    expect((await runProgram(['export', '--detach'], options)).exitCode).toBe(2);
    const state = join(scratch.path, 'not-a-folder');
    await writeFile(state, '');
    const stateless = { ...options, env: { ...options.env, XDG_STATE_HOME: state } };
    const refused = await runProgram(['export', 'web', '--detach'], stateless);
    expect(refused).toMatchObject({ exitCode: 14, stdout: '' });
    await expect(readdir(jobsOf(scratch))).rejects.toMatchObject({ code: 'ENOENT' });
  },
  LIMIT_MS,
);
