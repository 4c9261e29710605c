import { expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Hyper2kvmError } from '../../../src/base/errors.ts';
import { Secret } from '../../../src/base/text/secret.ts';
import type { LogFormat } from '../../../src/cli/log/log-flags.ts';
import { RunLog } from '../../../src/cli/log/run-log.ts';
import { Redactor } from '../../../src/cli/text/redact.ts';
import type { ScreenEvent } from '../../../src/cli/screen/export-progress.ts';
import { PlainScreen } from '../../../src/cli/screen/plain-screen.ts';
import { ScratchFolder } from '../../operations/export/export-run.ts';
import { DISK, GIB, RESULT, VM, diskProgress, diskStarted, vmStarted } from '../screen/export-events.ts';
import { FakeStream } from '../screen/fake-stream.ts';

const now = () => Date.UTC(2026, 10, 22, 14, 1, 2, 345);

const EVENTS: ScreenEvent[] = [
  { type: 'step', vm: undefined, step: 'connect', detail: 'Connecting to vc.example.com' },
  vmStarted(),
  { type: 'disks', vm: VM, disks: [{ disk: DISK, capacityBytes: 10 * GIB }] },
  diskStarted(),
  diskProgress(1, 1),
  { type: 'disk-retry', vm: VM, disk: DISK, attempt: 1, attempts: 6, waitMs: 2000, reason: 'reset by geheim-123' },
  { type: 'disk-complete', vm: VM, disk: DISK, sizeBytes: 3 * GIB, sha256: 'ab', seconds: 65 },
  { type: 'vm-finished', vm: VM, result: RESULT },
];

/** Logs the events and returns the lines. */
async function logged(events: ScreenEvent[], format: LogFormat): Promise<string[]> {
  await using scratch = await ScratchFolder.make();
  const path = join(scratch.path, 'log');
  const redactor = new Redactor();
  redactor.add(new Secret('geheim-123'));
  const clean = (text: string): string => redactor.clean(text);
  const log = await RunLog.open({ path, format, clean, onProblem: () => {}, now });
  for (const event of events) log.onEvent(event);
  log.note('warning', 'signal', 'SIGTERM: cleaning up');
  await log.close();
  return (await readFile(path, 'utf8')).trimEnd().split('\n');
}

test('text has the lines of the plain screen, without secrets', async () => {
  const stream = new FakeStream({ isTTY: false });
  const screen = new PlainScreen(stream, now);
  for (const event of EVENTS) screen.onEvent(event);
  const lines = stream.lines.map((line) => line.replace('geheim-123', '***'));
  expect(lines).toHaveLength(7);
  expect(await logged(EVENTS, 'text')).toEqual([...lines, '2026-11-22T14:01:02Z SIGTERM: cleaning up']);
});

test('json has an object a line with level, words, and the facts of the event', async () => {
  const lines = (await logged(EVENTS, 'json')).map((line) => JSON.parse(line));
  const common = { time: '2026-11-22T14:01:02.345Z', pid: process.pid };
  expect(lines).toHaveLength(8);
  expect(lines[0]).toEqual({
    ...common,
    level: 'info',
    event: 'step',
    step: 'connect',
    message: 'Connecting to vc.example.com',
  });
  expect(lines[4]).toEqual({
    ...common,
    level: 'warning',
    event: 'disk-retry',
    vm: VM,
    disk: DISK,
    attempt: 1,
    attempts: 6,
    waitMs: 2000,
    message: `${VM}: ${DISK}: try 1 of 6 failed, next in 2s: reset by ***`,
  });
  expect(lines[5]).toMatchObject({ level: 'info', sizeBytes: 3 * GIB, seconds: 65, sha256: 'ab' });
  expect(JSON.stringify(lines)).not.toContain('geheim');
});

test('an error with its hint is one line, and nothing of a server breaks a line', async () => {
  const error = new Hyper2kvmError('transfer', 'The lease broke.', { hint: 'Try again.' });
  const events: ScreenEvent[] = [
    { type: 'vm-failed', vm: 'web', error },
    { type: 'warning', vm: 'a\u001b[2J\rb', message: 'c' },
  ];
  expect(await logged(events, 'text')).toEqual([
    '2026-11-22T14:01:02Z web: not exported. Error: The lease broke. Try again.',
    '2026-11-22T14:01:02Z a\\x1b[2J\\x0db: warning: c',
    '2026-11-22T14:01:02Z SIGTERM: cleaning up',
  ]);
});
