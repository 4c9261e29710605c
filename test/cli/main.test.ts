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
  expect(stdout).toMatch(/export .*\n +info /);
  expect(status).toBe(0);
});

test.each([[['help', 'list']], [['list', '-h']]])('%j shows the help of list', (args) => {
  expect(program(args).stdout).toContain('hyper2kvm list [GLOB]');
});

/** hyperctl is a separate command line and is not listed. */
const SHOWN = Object.keys(COMMAND_LOADERS).filter((name) => name !== 'hyperctl');

test('help shows a value that can be left out in the form that works', () => {
  const help = program(['export', '--help-all']).stdout;
  for (const form of ['  --shutdown[=TIME]  ', '--compress[=fast|careful|zstd]\n', '--define[=URI]\n'])
    expect(help).toContain(form);
  expect(help).toMatch(/ --parallel-vms=N\s/);
  expect(help).not.toMatch(/=\[=| \[=/);
});

// hyperctl has its own help, in the format of the tool that it replaces.
const HELPED = Object.keys(COMMAND_LOADERS).filter((id) => id !== 'hyperctl');

test.each([...HELPED.map((id) => [id, '--help'] as const), ['export', '--help-all'] as const])(
  'no line of %s %s is wider than 80 columns, but for examples',
  (id, flag) => {
    const help = program([id, flag]).stdout.replace(/\nEXAMPLES\n(?: {2}.*\n|\n)+/, '\n');
    expect(help).toMatch(/\nDESCRIPTION\n/);
    expect(help.split('\n').filter((line) => line.length > 80)).toEqual([]);
  },
);

test('--help has examples first and the flags that are used most, --help-all every flag in groups', () => {
  const short = program(['export', '--help']).stdout;
  const full = program(['export', '--help-all']).stdout;
  const flagsOf = (help: string) =>
    [...help.matchAll(/^ {2,6}(?:-\w, )?--(?:\[no-\])?([a-z-]+)/gm)].map(([, name]) => name);
  expect(short.indexOf('EXAMPLES')).toBeLessThan(short.indexOf('FLAGS\n'));
  expect(flagsOf(short).length).toBeGreaterThan(12);
  expect(flagsOf(short).length).toBeLessThan(20);
  expect(flagsOf(full)).toEqual(expect.arrayContaining(flagsOf(short)));
  expect(flagsOf(full).length).toBeGreaterThan(2 * flagsOf(short).length);
  expect(short).toContain('All flags: hyper2kvm export --help-all');
  for (const heading of ['RUNNING VM FLAGS', 'TRANSFER FLAGS', 'CONNECTION FLAGS', 'GLOBAL FLAGS']) {
    expect(full).toContain(`\n${heading}\n`);
    expect(short).not.toContain(heading);
  }
});

test('-V is --version', () => {
  expect(program(['-V']).stdout).toBe(program(['--version']).stdout);
});

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
