import { beforeEach, expect, test } from '@jest/globals';
import { Hyper2kvmError, InterruptedError } from '../../../src/base/errors.ts';
import { createExportScreen } from '../../../src/cli/screen/export-screen.ts';
import { PlainScreen } from '../../../src/cli/screen/plain-screen.ts';
import { QuietScreen } from '../../../src/cli/screen/quiet-screen.ts';
import { DISK, GIB, RESULT, VM, diskProgress, diskStarted, vmStarted } from './export-events.ts';
import { plainPaint } from '../../../src/cli/text/color.ts';
import { FakeStream } from './fake-stream.ts';

const START = Date.UTC(2026, 10, 22, 14, 1, 2);
let nowMs = START;
beforeEach(() => {
  nowMs = START;
});

function plain() {
  const stream = new FakeStream({ isTTY: false });
  return { stream, screen: new PlainScreen(stream, () => nowMs) };
}

test('each event is one line with a timestamp', () => {
  const { stream, screen } = plain();
  screen.onEvent({ type: 'step', vm: undefined, step: 'connect', detail: 'Connecting to vc.example.com' });
  screen.onEvent(vmStarted());
  screen.onEvent({ type: 'step', vm: VM, step: 'lease', detail: '' });
  screen.onEvent({ type: 'disks', vm: VM, disks: [{ disk: DISK, capacityBytes: 10 * GIB }] });
  screen.onEvent({ type: 'disk-kept', vm: VM, disk: 'web-01-disk-2.vmdk', sizeBytes: GIB, sha256: '' });
  screen.onEvent(diskStarted());
  screen.onEvent({
    type: 'disk-retry',
    vm: VM,
    disk: DISK,
    attempt: 1,
    attempts: 6,
    waitMs: 2000,
    reason: 'connection reset',
  });
  screen.onEvent(diskStarted(DISK, 2));
  screen.onEvent({ type: 'disk-complete', vm: VM, disk: DISK, sizeBytes: 3 * GIB, sha256: '', seconds: 65 });
  screen.onEvent({ type: 'vm-finished', vm: VM, result: RESULT });
  expect(stream.lines.map((line) => line.replace('2026-11-22T14:01:02Z ', ''))).toEqual([
    'Connecting to vc.example.com',
    'web-01: exporting /DC0/vm/web-01 to /srv/vms/web-01',
    'web-01: Requesting the export lease',
    'web-01: 1 file to fetch, 10.0 GiB of capacity',
    'web-01: web-01-disk-2.vmdk: kept from an earlier run, 1.0 GiB',
    'web-01: web-01-disk-1.vmdk: started, 10.0 GiB of capacity',
    'web-01: web-01-disk-1.vmdk: try 1 of 6 failed, next in 2s: connection reset',
    'web-01: web-01-disk-1.vmdk: started, 10.0 GiB of capacity, try 2',
    'web-01: web-01-disk-1.vmdk: complete, 3.0 GiB in 1m 05s',
    'web-01: done, 2 files, 3.0 GiB in 1m 05s',
  ]);
});

test('a disk has at most one line of progress in ten seconds', () => {
  const { stream, screen } = plain();
  screen.onEvent(vmStarted());
  screen.onEvent(diskStarted());
  const before = stream.lines.length;
  for (let i = 1; i <= 250; i += 1) {
    nowMs = START + i * 100;
    screen.onEvent(diskProgress((i * GIB) / 200, (i * GIB) / 100));
  }
  expect(stream.lines.slice(before)).toEqual([
    '2026-11-22T14:01:12Z web-01: web-01-disk-1.vmdk: 10%, 512 MiB at 51.2 MiB/s, 1m 30s left',
    '2026-11-22T14:01:22Z web-01: web-01-disk-1.vmdk: 20%, 1.0 GiB at 51.2 MiB/s, 1m 20s left',
  ]);
});

test('a failed VM is told with its hint, an interrupted one in a word', () => {
  const { stream, screen } = plain();
  screen.onEvent({
    type: 'vm-failed',
    vm: VM,
    error: new Hyper2kvmError('transfer', 'The lease broke.', { hint: 'Try again.' }),
  });
  screen.onEvent({ type: 'vm-failed', vm: VM, error: new InterruptedError('SIGINT') });
  expect(stream.text).toContain('web-01: not exported. Error: The lease broke.\n  Try again.\n');
  expect(stream.text).toContain('web-01: interrupted\n');
});

test('no name from a server brings an escape code into the lines', () => {
  const { stream, screen } = plain();
  screen.onEvent(vmStarted('evil\u001b]0;title\u0007'));
  screen.onEvent({ type: 'warning', vm: 'evil\u001b[2J', message: 'x\u009b1m' });
  expect(stream.text).not.toMatch(/[^\P{Cc}\n]/u);
});

test('quiet shows errors and warnings, each with its VM', () => {
  const stream = new FakeStream();
  const screen = new QuietScreen(stream, plainPaint);
  screen.onEvent(vmStarted());
  screen.onEvent({ type: 'warning', vm: VM, message: 'The ISO image is left out.' });
  screen.onEvent({ type: 'step', vm: VM, step: 'clean-up', detail: '' });
  screen.onEvent({ type: 'warning', vm: VM, message: 'The snapshot x could not be removed.' });
  screen.onEvent({ type: 'vm-failed', vm: VM, error: new Hyper2kvmError('transfer', 'The lease broke.') });
  screen.onEvent({ type: 'warning', vm: undefined, message: 'The record cannot be kept.' });
  expect(stream.lines).toEqual([
    'web-01: Warning: The ISO image is left out.',
    'web-01: Warning: The snapshot x could not be removed.',
    'web-01: Error: The lease broke.',
    'Warning: The record cannot be kept.',
  ]);
});

test.each([
  ['a pipe', { isTTY: false }, 'xterm'],
  ['a dumb terminal', { isTTY: true }, 'dumb'],
])('%s gets plain lines', async (_name, options, term) => {
  const screen = await createExportScreen({ stream: new FakeStream(options), env: { TERM: term }, quiet: false });
  expect(screen).toBeInstanceOf(PlainScreen);
});
