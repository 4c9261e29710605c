import { expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { leftOnServer, NOTHING_LEFT, ScratchFolder } from '../operations/export/export-run.ts';
import { mixedContent } from '../server/content-source.ts';
import { startTestServer } from '../server/test-server.ts';
import { environmentOf, PROGRAM, runProgram, startProgram } from './program.ts';

/** Runs the program with a standard output that cannot be written: `>/dev/full`, or a pipe without a reader. */
async function runInto(place: string, args: string[], options: { env: NodeJS.ProcessEnv; cwd: string }) {
  const child = spawn('/bin/bash', ['-c', place, 'bash', ...PROGRAM, ...args], {
    ...options,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [[exitCode], stderr] = await Promise.all([once(child, 'exit'), text(child.stderr)]);
  return { exitCode: exitCode as number, stderr };
}

const FULL = 'exec "$@" >/dev/full';
/** The reader exits before the program starts. */
const CLOSED = 'exec 3> >(exec true); wait $!; exec "$@" >&3 3>&-';

const DISKS = [{ content: mixedContent(1 << 20, 'web') }];

test.concurrent.each([
  ['--help'],
  ['list', '--help'],
  ['completion', 'bash'],
  ['list'],
  ['list', '--json'],
  ['status', '--json'],
  ['nonsense', '--json'],
])('what cannot be written is one sentence and a failure: %s %s', async (...args) => {
  await using server = await startTestServer({ vms: [{ name: 'web', disks: DISKS }] });
  await using scratch = await ScratchFolder.make();
  const options = { env: environmentOf(server, join(scratch.path, 'state')), cwd: scratch.path };
  const full = await runInto(FULL, args.filter(Boolean), options);
  expect(full).toEqual({
    exitCode: args[0] === 'nonsense' ? 2 : 14,
    stderr: 'Error: standard output could not be written: no space is left on the device.\n',
  });
  const closed = await runInto(CLOSED, args.filter(Boolean), options);
  expect(closed.exitCode).toBe(full.exitCode);
  expect(closed.stderr).toBe('Error: standard output could not be written: the reader has closed the pipe.\n');
});

test.concurrent('the version, which comes before all else, ends with 14 too', async () => {
  await using scratch = await ScratchFolder.make();
  const run = await runInto(FULL, ['--version'], { env: environmentOf(undefined, scratch.path), cwd: scratch.path });
  expect(run.exitCode).toBe(14);
  expect(run.stderr.split('\n')).toEqual([expect.stringMatching(/^Error: standard output could not be written/), '']);
});

test.concurrent.each([
  ['no space', FULL, []],
  ['no reader', CLOSED, []],
  ['no space for its document', FULL, ['--json']],
])('an export whose report has %s is complete all the same', async (_, place, more) => {
  await using server = await startTestServer({ vms: [{ name: 'web', disks: DISKS }] });
  await using scratch = await ScratchFolder.make();
  const options = { env: environmentOf(server, join(scratch.path, 'state')), cwd: scratch.path };
  const run = await runInto(place, ['export', 'web', '-o', 'out', ...more], options);
  expect(run.exitCode).toBe(14);
  expect(run.stderr.match(/standard output could not be written/g)).toHaveLength(1);
  expect(run.stderr).not.toMatch(/ {4}at /);
  expect(await scratch.files()).toEqual(['web-disk-1.vmdk', 'web.mf', 'web.ovf']);
  expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  const { stdout } = await runProgram(['status', '--json'], options);
  expect(JSON.parse(stdout)).toMatchObject({ result: { jobs: [{ state: 'done', exitCode: 0 }] } });
});

test.concurrent('a state folder that cannot be made is a warning, and a signal ends the export', async () => {
  await using server = await startTestServer({ vms: [{ name: 'web', disks: DISKS }] });
  await using scratch = await ScratchFolder.make();
  const env = { ...environmentOf(server, join(scratch.path, 'state')), XDG_STATE_HOME: '/proc/none' };
  const options = { env, cwd: scratch.path };
  const whole = await runProgram(['export', 'web', '-o', 'out', '--quiet'], options);
  expect(whole).toMatchObject({ exitCode: 0, stdout: '' });
  expect(whole.stderr).toMatch(
    /^Warning: The record of this job cannot be kept: Could not make the folder \/proc\/none/,
  );
  const held = Promise.withResolvers<void>();
  server.faults.add({ on: 'disk', action: 'hold', until: held.promise });
  const running = startProgram(['export', 'web', '-o', 'again'], options);
  await running.said('web-disk-1.vmdk');
  running.child.kill('SIGTERM');
  expect((await running.over).exitCode).toBe(143);
  held.resolve();
});

test.concurrent('a current folder that was deleted is told in a sentence', async () => {
  await using scratch = await ScratchFolder.make();
  const gone = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"';
  const env = environmentOf(undefined, join(scratch.path, 'state'));
  const run = await runInto(gone, ['status'], { env, cwd: scratch.path });
  expect(run).toEqual({
    exitCode: 14,
    stderr: 'Error: The current folder no longer exists.\n  Change to an existing folder with cd.\n',
  });
});
