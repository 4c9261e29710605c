import { expect, test } from '@jest/globals';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ScratchFolder } from '../operations/export/export-run.ts';
import { testWithMount, withTmpfs } from '../operations/tmpfs.ts';
import { mixedContent } from '../server/content-source.ts';
import { startTestServer } from '../server/test-server.ts';
import { runConvert } from './convert-run.ts';
import { environmentOf, runProgram, startProgram } from './program.ts';

const PASSWORD = 'Zaq-1 wort';
const OPTIONS = {
  credentials: { username: 'joe@vsphere.local', password: PASSWORD },
  vms: [{ name: 'web', disks: [{ content: mixedContent(1 << 20, 'web') }] }],
};

async function linesOf(path: string): Promise<string[]> {
  return (await readFile(path, 'utf8')).trimEnd().split('\n');
}

test.concurrent('an export leaves a log of what the screen shows, and of how it ended', async () => {
  await using server = await startTestServer(OPTIONS);
  await using scratch = await ScratchFolder.make();
  const env = environmentOf(server, join(scratch.path, 'state'));
  const log = join(scratch.path, 'log');
  const plain = await runProgram(['export', 'web', '-o', 'out', '--log-file', log], { env, cwd: scratch.path });
  expect(plain.exitCode).toBe(0);
  const lines = await linesOf(log);
  expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ hyper2kvm export 0\.1\.0 started, process \d+$/);
  expect(lines.at(-1)).toMatch(/Z hyper2kvm export ended with exit code 0$/);
  const words = (line: string): string => line.slice(21);
  expect(lines.slice(1, -1).map(words)).toEqual(plain.stderr.trimEnd().split('\n').map(words));
  expect((await stat(log)).mode & 0o777).toBe(0o600);
});

test.concurrent('as JSON a log tells what failed and why, and no password', async () => {
  await using server = await startTestServer(OPTIONS);
  await using scratch = await ScratchFolder.make();
  const env = environmentOf(server, join(scratch.path, 'state'));
  const log = join(scratch.path, 'log');
  server.faults.add({ on: 'disk', action: 'status', status: 403 });
  const options = { env: { ...env, HYPER2KVM_PASSWORD: PASSWORD }, cwd: scratch.path };
  const args = ['export', 'web', '-q', '--json', '--log-file', log, '--log-format', 'json'];
  expect((await runProgram([...args, '-o', 'out2'], options)).exitCode).toBe(12);
  const wrong = { ...options, env: { ...env, HYPER2KVM_PASSWORD: 'wrong-word' } };
  expect((await runProgram([...args, '-o', 'out3'], wrong)).exitCode).toBe(10);
  const added = (await linesOf(log)).map((line) => JSON.parse(line));
  expect(added).toContainEqual(expect.objectContaining({ level: 'error', event: 'vm-failed', vm: 'web' }));
  expect(added).toContainEqual(expect.objectContaining({ level: 'error', event: 'run-ended', exitCode: 12 }));
  const ending = added.slice(-2).map(({ event, message }) => [event, message]);
  expect(ending).toEqual([
    ['error', expect.stringContaining('refused the login')],
    ['run-ended', 'hyper2kvm export ended with exit code 10'],
  ]);
  for (const secret of [PASSWORD, 'wrong-word']) expect(await readFile(log, 'utf8')).not.toContain(secret);
});

test.concurrent('a signal is in the log, and the line of the end', async () => {
  await using server = await startTestServer(OPTIONS);
  await using scratch = await ScratchFolder.make();
  server.faults.add({ on: 'disk', action: 'drip', bytesPerSecond: 50_000 });
  const env = environmentOf(server, join(scratch.path, 'state'));
  const program = startProgram(['export', 'web', '-o', 'out', '--log-file', 'log'], { env, cwd: scratch.path });
  await program.said('started');
  program.child.kill('SIGTERM');
  expect((await program.over).exitCode).toBe(143);
  const lines = await linesOf(join(scratch.path, 'log'));
  const said = lines.map((line) => line.slice(21));
  expect(said).toContain('SIGTERM: cleaning up');
  expect(said.slice(-3)).toEqual([
    'web: interrupted',
    'Interrupted by SIGTERM.',
    'hyper2kvm export ended with exit code 143',
  ]);
});

test.concurrent('a log that cannot be opened is told before any work', async () => {
  await using server = await startTestServer(OPTIONS);
  await using scratch = await ScratchFolder.make();
  const env = environmentOf(server, join(scratch.path, 'state'));
  const args = ['export', 'web', '-o', 'out', '--log-file', 'none/log'];
  const run = await runProgram(args, { env, cwd: scratch.path });
  expect(run).toMatchObject({ exitCode: 14, stdout: '' });
  expect(run.stderr).toContain('Error: Could not open the log none/log: it does not exist.');
  expect(server.state().leases).toEqual([]);
  const format = await runProgram(['export', 'web', '--log-format', 'json'], { env, cwd: scratch.path });
  expect(format.stderr).toContain('--log-format has no effect without --log-file.');
  expect(format.exitCode).toBe(2);
});

test.concurrent('convert and boot-test leave a log too', async () => {
  await using scratch = await ScratchFolder.make();
  await writeFile(join(scratch.path, 'disk.raw'), Buffer.alloc(1 << 20, 7));
  expect(
    await runConvert(scratch, 'disk.raw', '--input-format=raw', '-o', 'disk.qcow2', '--log-file', 'log'),
  ).toMatchObject({ exitCode: 0 });
  expect((await runConvert(scratch, 'none.raw', '--log-file', 'log')).exitCode).toBe(14);
  const env = environmentOf(undefined, join(scratch.path, 'state'));
  await runProgram(['boot-test', 'none.xml', '--log-file', 'log'], { env, cwd: scratch.path });
  const said = (await linesOf(join(scratch.path, 'log'))).map((line) => line.slice(21));
  expect(said).toEqual(
    expect.arrayContaining([
      'Converting disk.raw',
      expect.stringMatching(/^disk\.raw: done, 1 disk, /),
      'hyper2kvm convert ended with exit code 0',
      expect.stringContaining('none.raw'),
      'hyper2kvm convert ended with exit code 14',
      'Boot test of none.xml',
      'none.xml: not tested',
    ]),
  );
  expect(said.at(-1)).toMatch(/^hyper2kvm boot-test ended with exit code [1-9]/);
});

testWithMount('a log on a full disk is one warning, and the export goes on', async () => {
  await using server = await startTestServer(OPTIONS);
  await using scratch = await ScratchFolder.make();
  const env = environmentOf(server, join(scratch.path, 'state'));
  const folder = join(scratch.path, 'small');
  await mkdir(folder);
  await withTmpfs(folder, 'size=8k', async () => {
    await writeFile(join(folder, 'filler'), Buffer.alloc(8 * 1024));
    const args = ['export', 'web', '-o', 'out', '--json', '--log-file', 'small/log'];
    const run = await runProgram(args, { env, cwd: scratch.path });
    expect(run.exitCode).toBe(0);
    expect(JSON.parse(run.stdout).warnings).toEqual([
      'Could not write the log small/log: no space is left. The job continues; lines of the log are missing.',
    ]);
  });
});
