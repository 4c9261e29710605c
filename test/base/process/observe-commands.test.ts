import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { observeCommands, type EndedCommand } from '../../../src/base/process/observe-commands.ts';
import { spawnTied } from '../../../src/base/process/tied-process.ts';

test('each command is reported at its end, however it was started and however it ends', async () => {
  const seen: EndedCommand[] = [];
  const stop = observeCommands((command) => seen.push(command));
  await promisify(execFile)('/bin/sh', ['-c', 'exit 3', 'a-token']).catch(() => undefined);
  await promisify(execFile)('/nowhere/at-all', ['--version']).catch(() => undefined);
  await once(
    spawnTied(['/bin/cat', '--version'], { env: process.env }).on('close', () => undefined),
    'exit',
  );
  const killed = spawn('/bin/sleep', ['60']);
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  stop();
  await promisify(execFile)('/bin/true');
  expect(seen).toEqual([
    expect.objectContaining({ program: '/bin/sh', args: ['-c', '…'], exitCode: 3, signal: null }),
    expect.objectContaining({
      program: '/nowhere/at-all',
      args: ['--version'],
      exitCode: null,
      failure: 'spawn /nowhere/at-all ENOENT',
    }),
    expect.objectContaining({ program: '/bin/cat', args: ['--version'], exitCode: 0 }),
    expect.objectContaining({ program: '/bin/sleep', args: ['60'], exitCode: null, signal: 'SIGKILL' }),
  ]);
  for (const { durationMs } of seen) expect(durationMs).toBeGreaterThan(0);
});
