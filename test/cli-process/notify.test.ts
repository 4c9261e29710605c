import { expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ScratchFolder } from '../operations/export/export-run.ts';
import { mixedContent } from '../server/content-source.ts';
import { startTestServer } from '../server/test-server.ts';
import { environmentOf, runProgram, startProgram } from './program.ts';

const OPTIONS = {
  credentials: { username: 'joe', password: 'geheim-123' },
  vms: [
    { name: 'web', disks: [{ content: mixedContent(1 << 20, 'web') }] },
    { name: 'db', disks: [{ content: mixedContent(1 << 20, 'db') }] },
  ],
};

/** Stores the received record, one line per run. */
const KEEP = '{ cat | tr -d "\\n"; echo; } >> got; env >> env; echo seen on stdout; echo seen on stderr >&2';

const exporting = (command: string, ...words: string[]) => ['export', ...words, '--json', '--notify-command', command];

/** Returns the state and exit code of each received record. */
async function endsIn(scratch: ScratchFolder): Promise<unknown[][]> {
  const lines = (await readFile(join(scratch.path, 'got'), 'utf8')).trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line)).map(({ id, state, exitCode }) => [id, state, exitCode]);
}

test.concurrent('the command gets the record of a job that is done or partial, and no password', async () => {
  await using server = await startTestServer(OPTIONS);
  await using scratch = await ScratchFolder.make();
  const options = { env: environmentOf(server, join(scratch.path, 'state')), cwd: scratch.path };
  const done = await runProgram(exporting(KEEP, 'web', '-o', 'out'), options);
  expect(done).toMatchObject({ exitCode: 0, stderr: expect.not.stringContaining('seen on') });
  expect(JSON.parse(done.stdout)).toMatchObject({ ok: true, warnings: [] });
  expect((await runProgram(exporting(KEEP, 'db', 'none', '-o', 'out2'), options)).exitCode).toBe(3);
  expect(await endsIn(scratch)).toEqual([
    [JSON.parse(done.stdout).result.job, 'done', 0],
    [expect.any(String), 'partial', 3],
  ]);
  expect(await readFile(join(scratch.path, 'env'), 'utf8')).not.toContain('geheim-123');
});

test.concurrent('the command gets the record of a job that failed or was interrupted', async () => {
  await using server = await startTestServer(OPTIONS);
  await using scratch = await ScratchFolder.make();
  const options = { env: environmentOf(server, join(scratch.path, 'state')), cwd: scratch.path };
  const wrong = { ...options, env: { ...options.env, HYPER2KVM_PASSWORD: 'wrong' } };
  expect((await runProgram(exporting(KEEP, 'web', '-o', 'out'), wrong)).exitCode).toBe(10);
  server.faults.add({ on: 'disk', action: 'drip', bytesPerSecond: 50_000 });
  const program = startProgram(exporting(KEEP, 'web', '-o', 'out2'), options);
  await program.said('started');
  program.child.kill('SIGTERM');
  expect((await program.over).exitCode).toBe(143);
  expect(await endsIn(scratch)).toEqual([
    [expect.any(String), 'failed', 10],
    [expect.any(String), 'interrupted', 143],
  ]);
});

test.concurrent('a command that fails or hangs is a warning, and the exit code is that of the job', async () => {
  await using server = await startTestServer(OPTIONS);
  await using scratch = await ScratchFolder.make();
  const options = { env: environmentOf(server, join(scratch.path, 'state')), cwd: scratch.path };
  const failed = await runProgram(exporting('echo no mail >&2; exit 9', 'web', '-o', 'out'), options);
  expect(failed.exitCode).toBe(0);
  const words = 'The notify command ended with exit code 9: no mail.';
  expect(JSON.parse(failed.stdout)).toMatchObject({ ok: true, warnings: [words] });
  expect(failed.stderr).toContain(`warning: ${words}`);
  const hung = await runProgram(exporting('sleep 600', 'web', '--notify-timeout', '1s', '-o', 'out2'), options);
  expect(hung.exitCode).toBe(0);
  expect(JSON.parse(hung.stdout).warnings).toEqual(['The notify command did not finish within 1s and was stopped.']);
});

test.concurrent('a dry run notifies nobody, and an incomplete option is refused', async () => {
  await using server = await startTestServer(OPTIONS);
  await using scratch = await ScratchFolder.make();
  const options = { env: environmentOf(server, join(scratch.path, 'state')), cwd: scratch.path };
  const dryRun = await runProgram(['export', 'web', '--dry-run', '--notify-command', 'touch seen'], options);
  expect(dryRun.exitCode).toBe(0);
  await expect(readFile(join(scratch.path, 'seen'))).rejects.toMatchObject({ code: 'ENOENT' });
  const half = await runProgram(['export', 'web', '--notify-timeout', '1s'], options);
  expect(half).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('--notify-timeout needs --notify-command'),
  });
});
