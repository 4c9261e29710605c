import { expect, test } from '@jest/globals';
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { leftOnServer, NOTHING_LEFT, ScratchFolder } from '../operations/export/export-run.ts';
import { runProgram as runLink } from '../oracles/run-program.ts';
import { randomContent } from '../server/content-source.ts';
import { startTestServer, type TestServer } from '../server/test-server.ts';
import { jobIds, jobsIn } from './job-records.ts';
import { environmentOf, linkProgram, runProgram } from './program.ts';

/** Each call starts a process, and other tests run concurrently. */
const LIMIT_MS = 120_000;

const VMS = ['web-01', 'web-02'].map((name) => ({
  name,
  folder: ['Linux'],
  iso: '[datastore1] a.iso',
  disks: [{ content: randomContent(1 << 20, name) }],
}));

/** Creates a link named hyperctl in a folder of its own. */
async function hyperctlIn(scratch: ScratchFolder, server?: TestServer, more: Record<string, string> = {}) {
  const { link, env } = await linkProgram(scratch.path, 'hyperctl', environmentOf(server, join(scratch.path, 'state')));
  const given = Object.entries({ ...env, ...more }).map(([name, value]) => [name, value ?? ''] as const);
  return (...args: string[]) => runLink(link, args, Object.fromEntries(given));
}

/** Waits until no job record is in state running. */
async function allEnded(scratch: ScratchFolder): Promise<void> {
  const state = join(scratch.path, 'state');
  for (;;) {
    const ids = await jobIds(state);
    const texts = await Promise.all(ids.map((id) => readFile(join(jobsIn(state), `${id}.json`), 'utf8')));
    if (!texts.some((text) => text.includes('"state": "running"'))) return;
    await pause(100);
  }
}

test.concurrent(
  'the version, the help and what is no command, by the link and by the word',
  async () => {
    await using scratch = await ScratchFolder.make();
    const hyperctl = await hyperctlIn(scratch);
    for (const flag of ['--version', '-version']) {
      expect(await hyperctl(flag)).toMatchObject({
        exitCode: 0,
        stdout: expect.stringMatching(/^hyperctl version \d/),
      });
    }
    const options = { env: environmentOf(undefined, join(scratch.path, 'state')), cwd: scratch.path };
    expect((await runProgram(['hyperctl', '--version'], options)).stdout).toMatch(/^hyperctl version \d/);
    for (const words of [['help'], ['-h'], ['query', '--help']]) {
      expect(await hyperctl(...words)).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining('hyperctl submit'),
      });
    }
    for (const words of [['migrate'], []]) {
      expect(await hyperctl(...words)).toMatchObject({
        exitCode: 1,
        stdout: expect.stringContaining('hyperctl submit'),
      });
    }
  },
  LIMIT_MS,
);

test.concurrent(
  'a daemon is ignored with one note, which is not on standard output',
  async () => {
    await using scratch = await ScratchFolder.make();
    const hyperctl = await hyperctlIn(scratch, undefined, { HYPERVISORD_URL: 'http://localhost:8080' });
    const { exitCode, stdout, stderr } = await hyperctl('status');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('✓ Job Statistics: 0 total, 0 completed, 0 failed');
    expect(stderr).toBe('Note: HYPERVISORD_URL is ignored: there is no daemon.\n');
    expect((await hyperctl('-daemon', 'http://x', 'status')).stderr).toMatch(/^Note: -daemon is ignored.*\n$/);
  },
  LIMIT_MS,
);

test.concurrent(
  'submit takes a job file; query, its filters and status tell of its jobs',
  async () => {
    await using server = await startTestServer({ vms: VMS });
    await using scratch = await ScratchFolder.make();
    const file = join(scratch.path, 'jobs.yaml');
    const jobs = VMS.map(({ name }, index) => ({
      vm_path: `/DC0/vm/Linux/${name}`,
      output_path: join(scratch.output, name),
      username: server.username,
      password: server.password,
      format: index === 0 ? 'ova' : 'qcow2',
      options: { parallel_downloads: 4, remove_cdrom: true },
    }));
    await writeFile(file, JSON.stringify({ jobs }));
    await chmod(file, 0o600);
    const hyperctl = await hyperctlIn(scratch, server, { HYPER2KVM_PASSWORD: '', HYPER2KVM_USERNAME: '' });
    const submitted = await hyperctl('submit', '-file', file);
    expect(submitted).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('remove_cdrom changes nothing') });
    const ids = [...submitted.stdout.matchAll(/^ {2}- Job ID: (\S+)$/gm)].map(([, id = '']) => id);
    expect(ids).toHaveLength(2);
    await allEnded(scratch);
    const queried = await hyperctl('query', '-id', ids.join(','));
    expect(queried.stdout.match(/^Status: .*$/gm)).toEqual(['Status: completed', 'Status: completed']);
    expect(await readdir(join(scratch.output, 'web-01'))).toEqual(['web-01.ova']);
    expect((await readdir(join(scratch.output, 'web-02'))).toSorted()).toEqual(['web-02-disk-1.qcow2', 'web-02.xml']);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
    expect((await hyperctl('query', '-status', 'failed,cancelled')).stdout).toBe('No jobs found.\n');
    const all = await hyperctl('query', '-all', '-status', 'completed');
    expect(all.stdout.trimEnd().split('\n')).toHaveLength(3);
    expect((await hyperctl('status')).stdout).toContain('2 total, 2 completed, 0 failed');
    const state = join(scratch.path, 'state', 'hyper2kvm', 'jobs');
    for (const name of await readdir(state)) {
      expect(await readFile(join(state, name), 'utf8')).not.toContain(server.password);
    }
  },
  LIMIT_MS,
);

test.concurrent(
  'submit tells what is wrong before a job begins',
  async () => {
    await using server = await startTestServer({ vms: VMS });
    await using scratch = await ScratchFolder.make();
    const hyperctl = await hyperctlIn(scratch, server);
    expect(await hyperctl('submit')).toMatchObject({ exitCode: 2, stdout: '' });
    const file = join(scratch.path, 'job.json');
    await writeFile(file, '{"vm_path": "web-01", "format": "iso"}');
    const wrong = await hyperctl('submit', '-file', file);
    expect(wrong).toMatchObject({ exitCode: 2, stdout: '', stderr: expect.stringContaining('--format=iso') });
    await using other = await ScratchFolder.make();
    const nowhere = await hyperctlIn(other);
    expect(await nowhere('submit', '-vm', 'web-01')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('No server is given.'),
    });
  },
  LIMIT_MS,
);

test.concurrent(
  'list and vm speak of VMs as the callers know them',
  async () => {
    await using server = await startTestServer({ vms: VMS });
    await using scratch = await ScratchFolder.make();
    const hyperctl = await hyperctlIn(scratch, server);
    const document = JSON.parse((await hyperctl('list', '-json', '-filter', 'LINUX/WEB-02')).stdout);
    expect(document).toMatchObject({
      total: 1,
      vms: [{ Name: 'web-02', Path: '/DC0/vm/Linux/web-02', PowerState: 'poweredOff', NumCPU: 1, MemoryMB: 1024 }],
    });
    expect(document.vms[0].Storage).toBe(1 << 20);
    const path = '/DC0/vm/Linux/web-01';
    expect((await hyperctl('vm', '-op', 'info', '-path', path)).stdout).toMatch(
      /^Name: web-01$[\s\S]*^CD-ROM drives: 1$/m,
    );
    expect(await hyperctl('vm', '-op', 'remove-cdrom', '-path', path)).toMatchObject({
      exitCode: 0,
      stdout: '✓ Removed from web-01: CD/DVD drive 1.\n',
    });
    expect(await hyperctl('vm', '-op', 'poweroff', '-path', path)).toMatchObject({
      stdout: '✓ web-01 is already powered off.\n',
    });
    expect(await hyperctl('vm', '-op', 'info', '-path', '/DC0/vm/none')).toMatchObject({ exitCode: 11, stdout: '' });
    expect(await hyperctl('vm', '-op', 'reset', '-path', path)).toMatchObject({ exitCode: 2 });
  },
  LIMIT_MS,
);
