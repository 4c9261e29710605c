import { stripVTControlCharacters } from 'node:util';
import { expect, test } from '@jest/globals';
import cliProgress from 'cli-progress';
import { Hyper2kvmError, InterruptedError } from '../../../src/base/errors.ts';
import { applyEvent, unnamedProgress, type ScreenEvent } from '../../../src/cli/screen/export-progress.ts';
import { chooseGlyphs } from '../../../src/cli/screen/lines/glyphs.ts';
import { PlainScreen } from '../../../src/cli/screen/plain-screen.ts';
import { QuietScreen } from '../../../src/cli/screen/quiet-screen.ts';
import { createTerminalScreen } from '../../../src/cli/screen/terminal-screen.ts';
import { plainPaint } from '../../../src/cli/text/color.ts';
import { vmBlock } from '../../../src/cli/screen/lines/vm-block.ts';
import type { ConvertResult } from '../../../src/operations/convert/types.ts';
import { CONVERTED, covered, FINISHED, IMAGE, OPENING, SOURCE, VERIFYING, WHOLE } from './convert-events.ts';
import { GIB } from './export-events.ts';
import { FakeStream } from './fake-stream.ts';

const FAILED: ScreenEvent = {
  type: 'source-failed',
  source: SOURCE,
  error: new Hyper2kvmError('image', 'The grain at 4096 is cut.'),
};

/** Returns the block after these events, one second apart. */
function draw(events: readonly ScreenEvent[]): string[] {
  let nowMs = 0;
  let state = unnamedProgress('', nowMs);
  for (const event of events) state = applyEvent(state, event, (nowMs += 1000));
  const glyphs = chooseGlyphs({ LANG: 'C.UTF-8' });
  return vmBlock(state, { width: 77, height: 20, nowMs, glyphs, format: cliProgress.Format, paint: plainPaint });
}

test('a source is looked at, converted with a bar, and read back in words', () => {
  expect(draw(OPENING.slice(0, 1))).toEqual(['⠋ Inspecting the source']);
  const running = [...OPENING, covered(GIB), covered(5 * GIB)];
  expect(draw(running)).toEqual([
    '⠋ Converting 3s',
    'web-01-disk-1.qcow2  ███████░░░░░░   50%    5.0 GiB   2.5 GiB/s       2s left',
  ]);
  const verifying = [...running, VERIFYING, covered(GIB), covered(5 * GIB)];
  expect(draw(verifying)).toEqual([
    '⠋ Reading back',
    'web-01-disk-1.qcow2  read back  ███████░░░░░░   50%   2.5 GiB/s       2s left',
  ]);
});

const GUEST = {
  system: 'Debian GNU/Linux 12',
  root: '/dev/sda1',
  changes: [],
  warnings: [],
  boot: { verdict: 'ready' as const, checks: [] },
  seconds: 30,
};

test('the time of a fix is told apart, and a plan is not said to be done', () => {
  const linesOf = (result: ConvertResult): string[] => {
    const lines: string[] = [];
    const screen = new PlainScreen({ write: (text) => lines.push(text.slice(21)) }, () => 0);
    screen.onEvent({ type: 'source-finished', source: SOURCE, result });
    return lines;
  };
  const fixed: ConvertResult = { ...CONVERTED, copySeconds: 2, seconds: 33, guest: { ...GUEST, outcome: 'fixed' } };
  expect(linesOf(fixed)).toEqual(['web-01.ova: done, 2 disks, 4.0 GiB in 2s, guest checked in 30s\n']);
  const planned: ConvertResult = { ...fixed, disks: [], copySeconds: 0, guest: { ...GUEST, outcome: 'planned' } };
  expect(linesOf(planned)).toEqual(['web-01.ova: planned in 33s, nothing was written\n']);
});

test('the hash of a disk has its own progress before it is converted', () => {
  const hashing: ScreenEvent = { type: 'disk-pass', vm: 'web-01', disk: IMAGE, pass: 'hash' };
  const copying: ScreenEvent = { type: 'disk-pass', vm: 'web-01', disk: IMAGE, pass: 'copy' };
  const [step, line] = draw([...OPENING, hashing, covered(GIB), covered(5 * GIB)]);
  expect(step).toContain('Checking hashes of the manifest');
  expect(line).toContain('hashing ');
  const [next, copied] = draw([...OPENING, hashing, covered(5 * GIB), copying]);
  expect(next).toBe('⠋ Converting');
  expect(copied).toContain('  0%');
});

test('while one disk is read back and another one converted, each line has its own', () => {
  const second: ScreenEvent = { type: 'disk-started', vm: 'web-01', disk: 'b.qcow2', capacityBytes: GIB, attempt: 1 };
  const lines = draw([...OPENING, second, VERIFYING]);
  expect(lines[0]).toContain('Converting');
  expect(lines[1]).toContain('read back');
  expect(lines[2]).not.toContain('read back');
});

test('without a terminal each event is one line', () => {
  const stream = new FakeStream({ isTTY: false });
  const screen = new PlainScreen(stream, () => Date.UTC(2026, 10, 22, 14, 1, 2));
  for (const event of [...OPENING, covered(GIB), VERIFYING, WHOLE, FINISHED, FAILED]) screen.onEvent(event);
  expect(stream.lines.map((line) => line.replace('2026-11-22T14:01:02Z ', ''))).toEqual([
    'Converting web-01.ova',
    'web-01: 1 disk to convert, 10.0 GiB of capacity',
    'web-01: web-01-disk-1.qcow2: started, 10.0 GiB of capacity',
    'web-01: web-01-disk-1.qcow2: reading back',
    'web-01: web-01-disk-1.qcow2: complete, 3.0 GiB in 1m 05s',
    'web-01.ova: done, 2 disks, 4.0 GiB in 1m 05s',
  ]);
});

test('on a terminal the list with the images stays', async () => {
  const stream = new FakeStream();
  const screen = await createTerminalScreen({ stream, env: { LANG: 'C.UTF-8' } });
  for (const event of [...OPENING, covered(5 * GIB)]) screen.onEvent(event);
  await stream.shows(/50%/);
  for (const event of [WHOLE, FINISHED]) screen.onEvent(event);
  await screen.stop();
  const frame = stripVTControlCharacters(stream.text.split('\u001b[2K').at(-1) ?? '');
  expect(frame).toContain('✔ web-01.ova: 2 disks, 4.0 GiB in 1m 05s\n  web-01-disk-1.qcow2  ✔ 3.0 GiB in 1m 05s\n');
});

test.each([
  ['not converted', new Hyper2kvmError('image', 'The grain at 4096 is cut.')],
  ['interrupted', new InterruptedError('SIGINT')],
])('a source that is %s says so, names no disk, and leaves the error to the command', async (words, error) => {
  const stream = new FakeStream();
  const screen = await createTerminalScreen({ stream, env: { LANG: 'C.UTF-8' } });
  for (const event of [...OPENING, WHOLE]) screen.onEvent(event);
  screen.note('SIGINT: cleaning up.');
  screen.onEvent({ type: 'source-failed', source: SOURCE, error });
  await screen.stop();
  const last = stripVTControlCharacters(stream.text.split('\u001b[2K').at(-1) ?? '');
  expect(last).toBe(`✖ web-01.ova: ${words}\nSIGINT: cleaning up.\n`);
});

test('quiet says nothing', () => {
  const stream = new FakeStream();
  const screen = new QuietScreen(stream, plainPaint);
  for (const event of [...OPENING, VERIFYING, WHOLE, FINISHED, FAILED]) screen.onEvent(event);
  expect(stream.text).toBe('');
});
