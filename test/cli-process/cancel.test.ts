import { expect, test } from '@jest/globals';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ownProcess } from '../../src/jobs/job-process.ts';
import { leftOnServer, NOTHING_LEFT, ScratchFolder } from '../operations/export/export-run.ts';
import { randomContent } from '../server/content-source.ts';
import { startTestServer, type TestServer } from '../server/test-server.ts';
import { jobIds, jobsIn } from './job-records.ts';
import { environmentOf, runProgram, startProgram } from './program.ts';

const VM = { name: 'web', powerState: 'poweredOn', disks: [{ content: randomContent(4 << 20, 'web') }] } as const;
/** Each call starts a process, and other tests run concurrently. */
const LIMIT_MS = 120_000;
const SLOW = { on: 'disk', action: 'drip', bytesPerSecond: 20_000, times: 100 } as const;

const stateOf = (scratch: ScratchFolder) => join(scratch.path, 'state');
const jobsOf = (scratch: ScratchFolder) => jobsIn(stateOf(scratch));

/** Starts an export from a snapshot, waits until it downloads, and allows other `hyper2kvm` commands meanwhile. */
async function startSlow(scratch: ScratchFolder, server: TestServer) {
  server.faults.add(SLOW);
  const options = { env: environmentOf(server, stateOf(scratch)), cwd: scratch.path };
  const program = startProgram(['export', 'web', '--snapshot', '-o', scratch.output], options);
  await program.said('web-disk-1.vmdk: started');
  while (!server.state().downloads.some(({ sentBytes }) => sentBytes > 0)) await pause(20);
  const [id = ''] = await jobIds(stateOf(scratch));
  const ask = (...args: string[]) => runProgram(args, options);
  return { program, id, options, ask };
}

test.concurrent(
  'cancel ends a job with nothing left on the server, and waits for it',
  async () => {
    await using server = await startTestServer({ vms: [VM], taskMs: 500 });
    await using scratch = await ScratchFolder.make();
    const { program, id, ask } = await startSlow(scratch, server);
    const cancelled = await ask('cancel', id.slice(0, -2));
    expect(cancelled).toMatchObject({ exitCode: 0, stdout: `Cancelled ${id}.\n` });
    expect(cancelled.stderr).toBe(`Job ${id}: process ${program.child.pid} was asked to stop and is cleaning up.\n`);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
    expect(await scratch.files()).toEqual([]);
    expect((await program.over).exitCode).toBe(143);
    const { stdout } = await ask('status', '--job', id, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ result: { state: 'interrupted', exitCode: 143 } });

    const again = await ask('cancel', id, '--json');
    expect(JSON.parse(again.stdout)).toMatchObject({
      exitCode: 11,
      error: { message: expect.stringMatching(/is not running: it ended at \S+ as interrupted/) },
      result: { cancelled: [], failed: [{ job: id, error: { kind: 'not-found' } }] },
    });
  },
  LIMIT_MS,
);

test.concurrent(
  'status --follow tells of a job until it ends, and exits as it did',
  async () => {
    await using server = await startTestServer({ vms: [VM] });
    await using scratch = await ScratchFolder.make();
    const { program, id, options } = await startSlow(scratch, server);
    const following = startProgram(['status', '--job', id, '--follow'], options);
    await following.printed(/Z web: running\n/);
    await following.printed(/Z \d+ %, \S+ \S+ fetched\n/);
    program.child.kill('SIGINT');
    const { exitCode, stdout } = await following.over;
    expect(exitCode).toBe(130);
    expect(stdout).toContain(`Job ${id}: interrupted`);
    await program.over;
  },
  LIMIT_MS,
);

test.concurrent(
  'a job that was killed is interrupted at once: it is followed no further, and not cancelled',
  async () => {
    await using server = await startTestServer({ vms: [VM] });
    await using scratch = await ScratchFolder.make();
    const { program, id, ask } = await startSlow(scratch, server);
    program.child.kill('SIGKILL');
    await program.over;
    const followed = await ask('status', '--job', id, '--follow', '--json');
    expect(JSON.parse(followed.stdout)).toMatchObject({
      exitCode: 1,
      result: { state: 'interrupted' },
      error: { message: expect.stringContaining('it was killed, or the host went down') },
    });
    const cancelled = await ask('cancel', id, 'nothing-like-it');
    expect(cancelled).toMatchObject({ exitCode: 3, stdout: '' });
    expect(cancelled.stderr).toMatch(/2 of 2 jobs were not cancelled\..*as interrupted\..*"nothing-like-it"/);
  },
  LIMIT_MS,
);

test.concurrent(
  'a job of another host, or without a process to be sure of, is left alone',
  async () => {
    await using scratch = await ScratchFolder.make();
    const own = { ...ownProcess(), pid: 1 };
    await mkdir(jobsOf(scratch), { recursive: true, mode: 0o700 });
    const plant = async (id: string, process: object) => {
      const request = { server: 'vc:443', vms: ['web'], format: 'ovf', output: '/out' };
      const job = { id, kind: 'export', state: 'running', request, startedAt: '2026-11-22T10:00:00Z' };
      const text = JSON.stringify({ ...job, transferredBytes: 0, files: [], vms: [], process: { ...own, ...process } });
      await writeFile(join(jobsOf(scratch), `${id}.json`), text);
    };
    await plant('20261122T100000Z-export-0001', { hostname: 'elsewhere' });
    await plant('20261122T100000Z-export-0002', { startTicks: null });
    const options = { env: environmentOf(undefined, stateOf(scratch)), cwd: scratch.path };
    const elsewhere = await runProgram(['cancel', '20261122T100000Z-export-0001'], options);
    expect(elsewhere).toMatchObject({ exitCode: 17, stdout: '' });
    expect(elsewhere.stderr).toContain('runs on another host, elsewhere.');
    const unsure = await runProgram(['cancel', '20261122T100000Z-export-0002'], options);
    expect(unsure).toMatchObject({ exitCode: 17, stdout: '' });
    expect(unsure.stderr).toContain('cannot be distinguished from another process with that number');
    const follow = await runProgram(['status', '--follow'], options);
    expect(follow).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--follow needs --job.') });
  },
  LIMIT_MS,
);
