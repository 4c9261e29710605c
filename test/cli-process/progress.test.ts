import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { safeParse } from 'valibot';
import { ProgressLineSchema, type ProgressLine } from '../../src/operations/documents/progress-line.ts';
import { testWithOracle } from '../oracles/oracle.ts';
import { ScratchFolder } from '../operations/export/export-run.ts';
import { mixedContent } from '../server/content-source.ts';
import { startTestServer } from '../server/test-server.ts';
import { environmentOf, PROGRAM, runProgram } from './program.ts';

const VMS = ['a', 'b'].map((name) => ({ name, disks: [{ content: mixedContent(1 << 20, name) }] }));

function linesOf(text: string): ProgressLine[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const value: unknown = JSON.parse(line);
      expect({ line, issues: safeParse(ProgressLineSchema, value).issues }).toEqual({ line, issues: undefined });
      return value as ProgressLine;
    });
}

test.concurrent('--progress=json: standard error has lines of JSON only, also when a VM fails', async () => {
  await using server = await startTestServer({ vms: VMS });
  await using scratch = await ScratchFolder.make();
  server.faults.add({ on: 'disk', target: 'b', action: 'status', status: 503, times: 100 });
  server.faults.add({ on: 'disk', target: 'a', action: 'drip', bytesPerSecond: 300_000 });
  const args = ['export', 'a', 'b', 'nobody', '-o', scratch.output, '--retries=0', '--progress=json', '--json'];
  const env = environmentOf(server, scratch.path);
  const { stderr, stdout, exitCode } = await runProgram(args, { env, cwd: scratch.path });
  const lines = linesOf(stderr);
  expect(exitCode).toBe(3);
  expect(lines[0]).toMatchObject({ type: 'start', schemaVersion: 1, command: 'export' });
  expect(lines[1]).toMatchObject({
    type: 'vms',
    vms: [
      { vm: 'a', capacityBytes: 1 << 20 },
      { vm: 'b', capacityBytes: 1 << 20 },
    ],
  });
  expect(lines.filter(({ type }) => type === 'progress').length).toBeGreaterThan(1);
  expect(lines.filter(({ type }) => type === 'result')).toMatchObject([
    { vm: 'nobody', state: 'failed', error: { kind: 'not-found' } },
    { vm: 'a', state: 'done', output: join(scratch.output, 'a') },
    { vm: 'b', state: 'failed', error: { kind: 'transfer', exitCode: 12 } },
  ]);
  expect(lines.at(-1)).toMatchObject({ type: 'end', exitCode: 3, error: { kind: 'partial' } });
  expect(JSON.parse(stdout)).toMatchObject({ exitCode: 3, result: { state: 'partial' } });
});

test.concurrent('--progress-fd: the lines go to the descriptor, and standard error stays as it is', async () => {
  await using server = await startTestServer({ vms: VMS });
  await using scratch = await ScratchFolder.make();
  const args = ['export', 'a', '-o', scratch.output, '--progress=json', '--progress-fd=3'];
  const options = { env: environmentOf(server, scratch.path), cwd: scratch.path };
  const { stderr } = await promisify(execFile)(
    'sh',
    ['-c', 'exec "$@" 3>lines.jsonl', 'sh', ...PROGRAM, ...args],
    options,
  );
  expect(stderr).toMatch(/Z a: done, 3 files/);
  const lines = linesOf(await readFile(join(scratch.path, 'lines.jsonl'), 'utf8'));
  expect(lines.map(({ type }) => type)).toEqual(expect.arrayContaining(['start', 'vms', 'progress', 'result', 'end']));
  expect(lines.at(-1)).toMatchObject({ type: 'end', exitCode: 0 });
});

test.concurrent.each([
  [['--progress-fd=3'], '--progress-fd has no effect without --progress=json.'],
  ...[3, 4, 5, 6, 7, 8, 200].map(
    (fd) => [['--progress=json', `--progress-fd=${fd}`], `--progress-fd ${fd} is not open for writing.`] as const,
  ),
  [['--progress=json', '--progress-fd=9'], '--progress-fd 9 is not open for writing.'],
  [['--progress=plain', '--no-progress'], '--no-progress and --progress=plain are mutually exclusive.'],
])('%j is a usage error', async (flags, sentence) => {
  await using scratch = await ScratchFolder.make();
  const env = environmentOf(undefined, scratch.path);
  const { exitCode, stderr } = await runProgram(['export', 'x', ...flags], { env, cwd: scratch.path });
  expect(exitCode).toBe(2);
  expect(stderr).toContain(sentence);
});

test.concurrent('--no-progress shows the result and nothing before it', async () => {
  await using server = await startTestServer({ vms: VMS });
  await using scratch = await ScratchFolder.make();
  const env = environmentOf(server, scratch.path);
  const { stderr, stdout } = await runProgram(['export', 'a', '-o', scratch.output, '--no-progress'], {
    env,
    cwd: scratch.path,
  });
  expect(stderr).toBe('');
  expect(stdout).toContain('Exported a to ');
});

/** The jq programs in docs/json.md, in their order. */
const EXAMPLES = [
  ...readFileSync(new URL('../../docs/json.md', import.meta.url), 'utf8').matchAll(
    /^ *jq (?:--unbuffered )?-r '([^']+)'/gm,
  ),
].map(([, program = '']) => program);

const LINES: ProgressLine[] = [
  { type: 'start', time: 't', schemaVersion: 1, command: 'export', version: '1', pid: 1 },
  {
    type: 'progress',
    time: 't',
    elapsedSeconds: 1,
    totals: {
      vms: 2,
      exported: 0,
      skipped: 0,
      failed: 0,
      capacityBytes: 10,
      coveredBytes: 4,
      receivedBytes: 2,
      percent: 40,
      bytesPerSecond: 2,
    },
    vms: [],
  },
  { type: 'result', time: 't', vm: 'a', state: 'done', output: '/srv/a', sizeBytes: 5, seconds: 2 },
  { type: 'result', time: 't', vm: 'b', state: 'failed', error: { kind: 'transfer', exitCode: 12, message: 'No.' } },
  { type: 'end', time: 't', exitCode: 3 },
];

testWithOracle('jq', 'the examples of docs/json.md print what they promise', ({ jq }) => {
  const input = LINES.map((line) => `${JSON.stringify(line)}\n`).join('');
  const answers = EXAMPLES.map((program) => execFileSync(jq, ['-r', program], { input, encoding: 'utf8' }));
  expect(answers).toEqual(['40% 2 bytes/s\n', 'b: No.\n', '"a","done",5,2\n"b","failed",,\n']);
  return Promise.resolve();
});
