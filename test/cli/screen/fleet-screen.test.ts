import { stripVTControlCharacters } from 'node:util';
import { expect, test } from '@jest/globals';
import { Hyper2kvmError } from '../../../src/base/errors.ts';
import { createExportScreen } from '../../../src/cli/screen/export-screen.ts';
import type { ExportScreen } from '../../../src/cli/screen/screen.ts';
import type { SkippedVm } from '../../../src/operations/export/types.ts';
import { GIB, RESULT, runStarted, sender, vmStarted } from './export-events.ts';
import { FakeStream } from './fake-stream.ts';
import { terminalRows } from './terminal-rows.ts';

const ENV = { LANG: 'C.UTF-8' };
const SKIPPED: SkippedVm = {
  vm: 'web-09',
  moRef: 'vm-9',
  inventoryPath: '/DC0/vm/web-09',
  reason: 'already-whole',
  format: 'ovf',
  output: '/srv/vms/web-09',
  files: RESULT.files,
  exportedAt: '2026-11-22T14:03:11.000Z',
};

function fleetScreen(stream: FakeStream): Promise<ExportScreen> {
  return createExportScreen({ stream, env: ENV, quiet: false, isFleet: true });
}

const TWENTY = Array.from({ length: 20 }, (_, index) => `vm-${index}`);

/** The screen of a run with these VMs, and the function that sends it events. */
async function runOf(stream: FakeStream, names: readonly string[]): Promise<[ExportScreen, ReturnType<typeof sender>]> {
  const screen = await fleetScreen(stream);
  const send = sender(screen);
  send(runStarted(names));
  return [screen, send];
}

/** Starts the download of a VM, with `share` of its only disk done. */
function begin(send: ReturnType<typeof sender>, vm: string, share: number, count = 20): void {
  const disk = `${vm}-disk-1.vmdk`;
  send(vmStarted(vm, 0, count));
  send({ type: 'step', vm, step: 'download', detail: 'Downloading' });
  send({ type: 'disks', vm, disks: [{ disk, capacityBytes: 10 * GIB }] });
  send({ type: 'disk-started', vm, disk, capacityBytes: 10 * GIB, attempt: 1 });
  send({ type: 'disk-progress', vm, disk, receivedBytes: share * 4 * GIB, coveredBytes: share * 10 * GIB });
}

test('each running VM has its own line, and the totals are below them', async () => {
  const stream = new FakeStream();
  const [screen, send] = await runOf(stream, ['web-01', 'db-01', 'mail-01']);
  begin(send, 'web-01', 0.25, 3);
  begin(send, 'db-01', 0.5, 3);
  send({ type: 'step', vm: 'db-01', step: 'fix', detail: 'Inspecting the guest' });
  await stream.shows(/0\/3 VMs · 25% · 7\.5\/30\.0 GiB/);
  const frame = terminalRows(stream.text).map((line) => line.trimEnd());
  expect(frame.filter(Boolean)).toEqual([
    '❯ Exporting 3 VMs',
    expect.stringMatching(/^ {2}web-01 .*25% +1\.0 GiB/),
    expect.stringMatching(/^ {2}db-01 +Inspecting the guest/),
    expect.stringMatching(/^ {2}0\/3 VMs · 25% · 7\.5\/30\.0 GiB/),
  ]);
  await screen.stop();
});

test.each([
  [80, 24],
  [120, 10],
  [80, 8],
  [40, 5],
  [200, 4],
])('with sixteen VMs and long names the frame stays within %i columns and %i rows', async (columns, rows) => {
  const stream = new FakeStream({ columns });
  stream.rows = rows;
  const names = Array.from({ length: 16 }, (_, index) => `machine-with-quite-a-long-name-${index}`);
  const [screen, send] = await runOf(stream, names);
  for (const [index, name] of names.entries()) begin(send, name, index / 16, 16);
  // Four rows have room for the title and the totals.
  const rest = rows === 4 ? /0\/16 VMs/ : rows < 20 ? /more VMs running/ : /93%/;
  await stream.shows(rest);
  const frame = terminalRows(stream.text).filter((line) => line !== '');
  await screen.stop();
  // One row remains free for the cursor.
  expect(frame.length).toBeLessThan(rows);
  for (const line of frame) expect(line.length).toBeLessThanOrEqual(columns);
  expect(frame.at(-1)).toMatch(/^ {2}0\/16 VMs · 46%/);
  expect(frame.join('\n')).toMatch(rest);
});

test('finished VMs and notes are printed permanently, in their order, and the warnings of a failed VM with it', async () => {
  const stream = new FakeStream();
  const [screen, send] = await runOf(stream, ['web-01', 'web-02', 'web-09', 'db-01']);
  begin(send, 'web-01', 0.25, 4);
  begin(send, 'web-02', 0.25, 4);
  await stream.shows(/0\/4 VMs/);
  send({ type: 'warning', vm: 'web-02', message: 'An ISO image is left out.' });
  send({ type: 'warning', vm: 'web-01', message: 'The summary has this.' });
  send({ type: 'vm-skipped', vm: 'web-09', result: SKIPPED });
  send({ type: 'vm-finished', vm: 'web-01', result: RESULT });
  await stream.shows(/2\/4 VMs/);
  const error = new Hyper2kvmError('transfer', 'The lease broke.', { hint: 'Try again.' });
  send({ type: 'vm-failed', vm: 'web-02', error });
  screen.note('SIGINT: cleaning up.');
  await screen.stop();
  const text = stripVTControlCharacters(stream.text);
  const lines = [
    '✔ web-09: already complete since 2026-11-22 14:03 UTC, kept\n',
    '✔ web-01: 2 files, 3.0 GiB in 1m 05s\n',
    'web-02: Warning: An ISO image is left out.\n',
    '✖ web-02: not exported\n',
    'SIGINT: cleaning up.\n',
  ];
  const places = lines.map((line) => text.indexOf(line));
  expect(places).toEqual(places.toSorted((a, b) => a - b));
  for (const line of lines) expect(text.split(line)).toHaveLength(2);
  // The end of the command reports the error.
  expect(text).not.toContain('The lease broke.');
  expect(text).not.toContain('The summary has this.');
  expect(screen.showsErrors).toBe(false);
});

test('the cursor comes back, and an end without any event leaves nothing', async () => {
  const stream = new FakeStream();
  const [screen, send] = await runOf(stream, TWENTY);
  begin(send, 'web-01', 0.25);
  await stream.shows(/web-01/);
  await screen.stop();
  await screen.stop();
  expect(stream.text.lastIndexOf('\u001b[?25h')).toBeGreaterThan(stream.text.lastIndexOf('\u001b[?25l'));
  const silent = new FakeStream();
  await (await fleetScreen(silent)).stop();
  expect(silent.text).toBe('');
});
