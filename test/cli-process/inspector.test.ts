import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { ScratchFolder } from '../operations/export/export-run.ts';
import { mixedContent } from '../server/content-source.ts';
import { startTestServer } from '../server/test-server.ts';
import { environmentOf, startProgram } from './program.ts';

/** Messages of Node.js when it opens its inspector, or when the port is in use. */
const INSPECTOR = /Debugger|inspector/i;

test.concurrent('SIGUSR1 opens no inspector in the running program, and does not end it', async () => {
  await using server = await startTestServer({
    vms: [{ name: 'web', disks: [{ content: mixedContent(1 << 20, 'web') }] }],
  });
  await using scratch = await ScratchFolder.make();
  const held = Promise.withResolvers<void>();
  server.faults.add({ on: 'disk', action: 'hold', until: held.promise });
  const env = environmentOf(server, join(scratch.path, 'state'));
  const program = startProgram(['export', 'web', '-o', 'out'], { env, cwd: scratch.path });
  await program.said('started');
  program.child.kill('SIGUSR1');
  held.resolve();
  expect(await program.over).toMatchObject({ exitCode: 0, stderr: expect.not.stringMatching(INSPECTOR) });
});

test.concurrent('nor does it in bin/run.js', async () => {
  await using scratch = await ScratchFolder.make();
  // The script loads the program from its own folder. The fake program there waits for its input.
  const files = {
    'package.json': '{ "name": "hyper2kvm", "type": "module" }',
    'oclif.manifest.json': '{}',
    'dist/cli/main.js': `export async function main() {
      process.stdout.write('up\\n');
      for await (const _ of process.stdin);
    }`,
    'dist/commands/loaders.js': 'export const COMMAND_LOADERS = {}, QUICK_ANSWERS = {};',
  };
  for (const folder of ['bin', 'dist/cli', 'dist/commands'])
    await mkdir(join(scratch.path, folder), { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(scratch.path, name), text);
  const script = join(scratch.path, 'bin/run.js');
  await copyFile(fileURLToPath(new URL('../../bin/run.js', import.meta.url)), script);
  const child = spawn(process.execPath, [script, 'list'], { stdio: 'pipe' });
  let said = '';
  child.stderr.on('data', (piece: Buffer) => (said += piece.toString()));
  await once(child.stdout, 'data');
  child.kill('SIGUSR1');
  // The messages of Node.js come from another thread, long before the second signal and the end of the input.
  child.kill('SIGUSR1');
  setTimeout(() => child.stdin.end(), 1000);
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(said).not.toMatch(INSPECTOR);
});
