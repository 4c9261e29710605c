import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { COMMAND_LOADERS } from '../../src/commands/loaders.ts';

const DEV = fileURLToPath(new URL('../../bin/dev.js', import.meta.url));
const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
/** An environment without the developer's settings. */
const ENV = { PATH: process.env['PATH'], HOME: process.env['HOME'], XDG_CONFIG_HOME: '/nonexistent' };

function program(args: string[], { script = DEV, env = ENV }: { script?: string; env?: NodeJS.ProcessEnv } = {}) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [script, ...args], {
    encoding: 'utf8',
    env,
    input: '',
  });
  return { stdout, stderr, status };
}

test('--version is answered without oclif, in its words', () => {
  expect(program(['--version'], { script: RUN }).stdout).toMatch(/^hyper2kvm\/\d+\.\d+\.\d+ \S+ node-v\d+/);
  expect(program(['--version'], { script: RUN }).stdout).toBe(program(['--version']).stdout);
});

test.each([[[]], [['-h']], [['help']], [['--help']]])('%j shows the commands', (args) => {
  const { stdout, status } = program(args);
  expect(stdout).toMatch(/export .*\n +jobs /);
  expect(status).toBe(0);
});

test.each([[['help', 'list']], [['list', '-h']]])('%j shows the help of list', (args) => {
  expect(program(args).stdout).toContain('hyper2kvm list [GLOB]');
});

/** hyperctl is a separate command line and is not listed. */
const SHOWN = Object.keys(COMMAND_LOADERS).filter((name) => name !== 'hyperctl');

test('help shows a value that can be left out in the form that works, in its usage and among its flags', () => {
  const help = program(['export', '--help']).stdout;
  for (const form of [
    '[--shutdown[=TIME]]',
    '  --shutdown[=TIME]  ',
    '[--compress[=fast|careful|zstd]]',
    '--define[=URI]\n',
  ])
    expect(help).toContain(form);
  expect(help).toMatch(/ --parallel=N /);
  expect(help).not.toMatch(/=\[=| \[=/);
});

// hyperctl has its own help, in the format of the tool that it replaces.
test.each(Object.keys(COMMAND_LOADERS).filter((id) => id !== 'hyperctl'))(
  'no line of the help of %s is wider than 80 columns, but for examples',
  (id) => {
    const [help = ''] = program([id, '--help']).stdout.split('\nEXAMPLES\n');
    expect(help.split('\n').filter((line) => line.length > 80)).toEqual([]);
  },
);

test('a command that is not there is a usage error that suggests one, as text and as a document', () => {
  expect(program(['exprot'])).toEqual({
    status: 2,
    stdout: '',
    stderr: `Error: There is no command exprot.\n  Did you mean export? The commands are ${SHOWN.join(', ')}.\n`,
  });
  const { stdout, stderr, status } = program(['exprot', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ ok: false, exitCode: 2, error: { kind: 'usage' } });
  expect([stderr, status]).toEqual(['', 2]);
});

test('a flag before the command is not mistaken for one, and its value is not shown', () => {
  const { stderr, status } = program(['--url=https://joe:geheim@vc', 'list']);
  expect(stderr).toContain('--url comes before the command.');
  expect(stderr).not.toContain('geheim');
  expect(status).toBe(2);
});

test('without a terminal there is no prompt: the error names the ways to give a password', () => {
  const { stderr, status } = program(['list', '--url=localhost:1', '--username=joe']);
  expect(stderr).toContain('No password is given for joe at localhost:1.');
  expect(stderr).toContain('--password-file');
  expect(status).toBe(2);
});

test('it works without HOME', () => {
  expect(program(['--help'], { env: {} }).status).toBe(0);
});

test('a reader that goes away is one sentence and 14', async () => {
  const child = spawn(process.execPath, [DEV, 'export', '--help'], { env: ENV });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  const [code] = await new Promise<unknown[]>((resolve) => {
    child.on('close', (...end) => resolve(end));
  });
  expect([stderr, code]).toEqual([
    'Error: standard output could not be written: the reader has closed the pipe.\n',
    14,
  ]);
});
