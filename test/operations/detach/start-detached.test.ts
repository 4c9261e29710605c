import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Secret } from '../../../src/base/text/secret.ts';
import { readdir, readFile, rm } from 'node:fs/promises';
import { jobsFolder } from '../../../src/jobs/jobs-folder.ts';
import { startDetached } from '../../../src/operations/detach/start-detached.ts';
import { makeTemporaryFolder } from '../../temporary-folder.ts';

let env: NodeJS.ProcessEnv = {};
beforeEach(async () => {
  env = { XDG_STATE_HOME: await makeTemporaryFolder('h2k-detach-'), HYPER2KVM_PASSWORD: 'geheim', OTHER: 'kept' };
});
afterEach(() => rm(env['XDG_STATE_HOME'] ?? '', { recursive: true }));

/** Detaches a Node.js process that runs `script` instead of the program. */
function start(script: string, signal = new AbortController().signal) {
  const program = { file: process.execPath, args: ['-e', script, '--'] };
  return startDetached(
    { program, words: ['export', 'web'], handed: { password: new Secret('geheim'), vms: ['web'] }, env },
    signal,
  );
}

const READ_ALL = `const channel = new (require('net').Socket)({ fd: 3, readable: true, writable: true, allowHalfOpen: true });
  let read = ''; channel.on('data', (chunk) => (read += chunk));`;

test('the process gets its id, its log, the password and the VMs through the pipe, and nothing secret otherwise', async () => {
  const script = `${READ_ALL}
    channel.on('end', () => { console.log(JSON.stringify([process.env, process.argv.slice(1), JSON.parse(read)])); channel.end('started\\n'); });`;
  const { job, log } = await start(script);
  let said = '';
  while (!said.endsWith('\n')) said = await readFile(log, 'utf8');
  const [environment, words, handed] = JSON.parse(said);
  expect(environment).toMatchObject({ OTHER: 'kept', HYPER2KVM_HANDOVER: '3' });
  expect(JSON.stringify([environment, words])).not.toContain('geheim');
  expect(words.slice(-2)).toEqual(['export', 'web']);
  expect(handed).toEqual({ id: job, log, password: 'geheim', vms: ['web'] });
});

test.each([
  [
    `console.error('Error: no such thing.\\n  Look there.'); process.exitCode = 14`,
    'local-file',
    'Error: no such thing.\n  Look there.',
  ],
  [`process.exitCode = 77`, 'internal', 'It printed nothing.'],
  [`process.kill(process.pid, 'SIGKILL')`, 'internal', 'It printed nothing.'],
])(
  'a process that ends before its job has a record is told with its exit code and words: %s',
  async (script, kind, hint) => {
    await expect(start(script)).rejects.toMatchObject({
      kind,
      hint,
      message: expect.stringMatching(/before its job started/),
    });
    expect(await readdir(jobsFolder(env))).toEqual([]);
  },
);

test('an abort before the record is there ends the process too', async () => {
  const abort = new AbortController();
  const starting = start(`${READ_ALL} setInterval(() => {}, 1000)`, abort.signal);
  setTimeout(() => abort.abort(new Error('enough')), 300);
  await expect(starting).rejects.toThrow('enough');
  expect(await readdir(jobsFolder(env))).toEqual([]);
});

test('an abort while the id is reserved starts no process', async () => {
  const abort = new AbortController();
  const starting = start(`${READ_ALL} setInterval(() => {}, 1000)`, abort.signal);
  abort.abort(new Error('enough'));
  await expect(starting).rejects.toThrow('enough');
  expect(await readdir(jobsFolder(env))).toEqual([]);
});

test('a program that cannot be started is a failure of the host', async () => {
  const options = {
    program: { file: '/no/such/program', args: [] },
    words: [],
    handed: { password: new Secret(''), vms: [] },
    env,
  };
  await expect(startDetached(options, new AbortController().signal)).rejects.toMatchObject({ kind: 'host' });
  expect(await readdir(jobsFolder(env))).toEqual([]);
});
