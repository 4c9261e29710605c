import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { expect, test } from '@jest/globals';
import { Hyper2kvmError } from '../../../src/base/errors.ts';
import { createTerminalScreen } from '../../../src/cli/screen/terminal-screen.ts';
import { DISK, GIB, RESULT, VM, diskProgress, diskStarted, runStarted, sender, vmStarted } from './export-events.ts';
import { FakeStream } from './fake-stream.ts';
import { terminalRows } from './terminal-rows.ts';

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const ENV = { LANG: 'C.UTF-8' };

/** Returns the screen content since it was last cleared. */
function lastFrame({ text }: FakeStream): string {
  return stripVTControlCharacters(text.split('\u001b[2K').at(-1) ?? '');
}

test('a VM has one list with its disks, of which one line stays on the screen', async () => {
  const stream = new FakeStream();
  const screen = await createTerminalScreen({ stream, env: ENV });
  screen.onEvent({ type: 'step', vm: undefined, step: 'connect', detail: '' });
  await stream.shows(/Connecting/);
  screen.onEvent(vmStarted());
  screen.onEvent(diskStarted());
  screen.onEvent(diskProgress(GIB, 5 * GIB));
  await stream.shows(/50%/);
  screen.onEvent({ type: 'disk-complete', vm: VM, disk: DISK, sizeBytes: 3 * GIB, sha256: '', seconds: 60 });
  screen.onEvent({ type: 'vm-finished', vm: VM, result: RESULT });
  await screen.stop();
  const frame = lastFrame(stream);
  expect(frame).toContain('✔ web-01: 2 files, 3.0 GiB in 1m 05s\n');
  expect(frame).not.toContain('web-01-disk-1.vmdk');
});

test('the cursor is hidden while the list is there, and comes back', async () => {
  const stream = new FakeStream();
  const screen = await createTerminalScreen({ stream, env: ENV });
  screen.onEvent(vmStarted());
  await stream.shows(/web-01/);
  await screen.stop();
  expect(stream.text).toContain(HIDE_CURSOR);
  expect(stream.text.lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(stream.text.lastIndexOf(HIDE_CURSOR));
});

test('however many events come, the screen is drawn some ten times a second', async () => {
  const stream = new FakeStream();
  const screen = await createTerminalScreen({ stream, env: ENV });
  screen.onEvent(vmStarted());
  screen.onEvent(diskStarted());
  const startedAtMs = performance.now();
  for (let i = 0; i < 1000; i += 1) {
    screen.onEvent(diskProgress(i * 1e6, i * 1e7));
    if (i % 10 === 0) await sleep(5);
  }
  const { length } = stream.writes;
  const frames = (performance.now() - startedAtMs) / 100;
  await screen.stop();
  // A thousand events must cause few writes. listr2 itself adds some at the start.
  expect(length).toBeLessThan(12 + frames);
});

test('the warnings of a VM that failed are printed in full under its list, and its error is left to the command', async () => {
  const stream = new FakeStream({ columns: 40 });
  const screen = await createTerminalScreen({ stream, env: ENV });
  screen.onEvent(vmStarted());
  screen.onEvent({ type: 'warning', vm: VM, message: 'The snapshot hyper2kvm-1 could not be removed from web-01.' });
  screen.onEvent({
    type: 'vm-failed',
    vm: VM,
    error: new Hyper2kvmError('transfer', 'The lease broke.', { hint: 'Try again.' }),
  });
  await screen.stop();
  const text = stripVTControlCharacters(stream.text);
  expect(text).toContain('✖ web-01: not exported\n');
  expect(text).toContain('Warning: The snapshot hyper2kvm-1\n  could not be removed from web-01.\n');
  expect(text).not.toContain('The lease broke.');
  expect(screen.showsErrors).toBe(false);
});

test('what others write to the stream meanwhile comes out after the list', async () => {
  const stream = new FakeStream();
  const screen = await createTerminalScreen({ stream, env: ENV });
  screen.onEvent(vmStarted());
  await stream.shows(/web-01/);
  stream.write('a stray warning\n');
  expect(stream.text).not.toContain('stray');
  await screen.stop();
  expect(stream.text).toContain('a stray warning');
});

test('a narrower terminal is cleared of the rows onto which it has folded the frame', async () => {
  const stream = new FakeStream();
  const screen = await createTerminalScreen({ stream, env: ENV });
  screen.onEvent(vmStarted());
  screen.onEvent(diskStarted());
  await stream.shows(/web-01-disk-1\.vmdk/);
  const before = stream.writes.length;
  stream.columns = 40;
  stream.emit('resize');
  const after = stream.writes.slice(before).join('');
  await screen.stop();
  // Three lines take four rows: the headline, the step, and the disk's line of 51 columns on two rows. Move up four, clear, move down three.
  expect(after.startsWith('\u001b[4A\r\u001b[J\n\n\n')).toBe(true);
  for (const line of stripVTControlCharacters(after).split(/[\r\n]+/)) expect(line.length).toBeLessThanOrEqual(40);
});

test('a note, and an end without any event, leave the terminal in order', async () => {
  const stream = new FakeStream();
  const screen = await createTerminalScreen({ stream, env: ENV });
  screen.note('SIGINT: cleaning up.');
  await screen.stop();
  await screen.stop();
  expect(stream.text).toBe('SIGINT: cleaning up.\n');
});

test('of several VMs one after the other, one line each remains, and the totals are below the running one', async () => {
  const stream = new FakeStream();
  const screen = await createTerminalScreen({ stream, env: ENV });
  const send = sender(screen);
  send(runStarted(['web-01', 'web-02']));
  send(vmStarted(VM, 0, 2));
  send({ type: 'disks', vm: VM, disks: [{ disk: DISK, capacityBytes: 10 * GIB }] });
  send(diskStarted());
  send(diskProgress(GIB, 5 * GIB));
  await stream.shows(/0\/2 VMs · 25% · 5\.0\/20\.0 GiB/);
  send({ type: 'disk-complete', vm: VM, disk: DISK, sizeBytes: 3 * GIB, sha256: '', seconds: 60 });
  send({ type: 'vm-finished', vm: VM, result: RESULT });
  await screen.stop();
  const rows = terminalRows(stream.text).map((row) => row.trimEnd());
  expect(rows.filter(Boolean)).toEqual(['✔ web-01 (1 of 2): 2 files, 3.0 GiB in 1m 05s']);
});
