import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { spawnTied } from '../../../src/base/process/tied-process.ts';
import { imageFolder } from '../../guest/make-disk.ts';

const WAIT_MS = 60_000;
const MODULE = new URL('../../../src/base/process/tied-process.ts', import.meta.url).href;

/**
 * A script that reads no input, ignores SIGTERM, and starts a child that ignores it too. It writes both process IDs
 * into the file `$1`.
 */
const STUBBORN = `trap '' TERM; sleep 600 & echo $! $$ > "$1.new"; mv "$1.new" "$1"; while :; do sleep 600; done`;

test(
  'a kill of this process ends the program with what it started, whatever they do, and removes its folder',
  async () => {
    await using folder = await imageFolder();
    const [scratch, pids] = ['scratch', 'pids'].map((name) => join(folder.path, name)) as [string, string];
    await mkdir(scratch);
    const command = JSON.stringify(['/bin/sh', '-c', STUBBORN, 'sh', pids]);
    const script = `import { spawnTied } from '${MODULE}';
      spawnTied(${command}, { env: process.env, scratch: ${JSON.stringify(scratch)} });`;
    const ours = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' });
    await until(() => existsSync(pids));
    ours.kill('SIGKILL');
    const started = (await readFile(pids, 'utf8')).trim().split(' ');
    expect(started).toHaveLength(2);
    await until(async () => !(await Promise.all(started.map(isRunning))).includes(true) && !existsSync(scratch));
  },
  3 * WAIT_MS,
);

test('the exit code, signal and sockets are the program’s own, and what it leaves behind ends with it', async () => {
  await using folder = await imageFolder();
  const pids = join(folder.path, 'pids');
  const { env } = process;
  const leaving = spawnTied(['/bin/sh', '-c', `sleep 600 & echo $! > ${pids}; read word <&3; exit $word`], {
    env,
    sockets: 1,
  });
  const socket = leaving.stdio[3];
  if (socket && 'write' in socket) socket.write('7\n');
  expect(await once(leaving, 'close')).toEqual([7, null]);
  const left = (await readFile(pids, 'utf8')).trim();
  await until(async () => !(await isRunning(left)));

  const killed = spawnTied(['/bin/sh', '-c', 'kill -s KILL $$'], { env });
  expect(await once(killed, 'close')).toEqual([null, 'SIGKILL']);
});

/**
 * Polls until the condition is true. The limit is long enough for a busy host.
 * @throws when the limit is exceeded
 */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const endMs = Date.now() + WAIT_MS; !(await isSo()); await pause(20)) {
    if (Date.now() > endMs) throw new Error('waited for too long');
  }
}

/** Whether a process runs. A zombie, whose exit code the parent has not read yet, has an empty command line. */
async function isRunning(pid: string): Promise<boolean> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')) !== '';
}
