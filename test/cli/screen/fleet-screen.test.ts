import { stripVTControlCharacters } from 'node:util';
import { expect, test } from '@jest/globals';
import { Hyper2kvmError } from '../../../src/base/errors.ts';
import { createExportScreen } from '../../../src/cli/screen/export-screen.ts';
import type { ExportScreen } from '../../../src/cli/screen/screen.ts';
import type { SkippedVm } from '../../../src/operations/export/types.ts';
import { GIB, RESULT, vmStarted } from './export-events.ts';
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

/** Starts the download of a VM, with `share` of its only disk done. */
function begin(screen: ExportScreen, vm: string, share: number, count = 20): void {
  const disk = `${vm}-disk-1.vmdk`;
  screen.onEvent(vmStarted(vm, 0, count));
  screen.onEvent({ type: 'step', vm, step: 'download', detail: 'Downloading' });
  screen.onEvent({ type: 'disk-started', vm, disk, capacityBytes: 10 * GIB, attempt: 1 });
  screen.onEvent({ type: 'disk-progress', vm, disk, receivedBytes: share * 4 * GIB, coveredBytes: share * 10 * GIB });
}

test('each running VM has a line of its own, under a title that counts', async () => {
  const stream = new FakeStream();
  const screen = await fleetScreen(stream);
  begin(screen, 'web-01', 0.25);
  begin(screen, 'db-01', 0.5);
  screen.onEvent({ type: 'step', vm: 'db-01', step: 'fix', detail: 'Inspecting the guest' });
  await stream.shows(/0 of 20 VMs finished, 2 running/);
  await stream.shows(/web-01 .*25% +1\.0 GiB/);
  await stream.shows(/db-01 +Inspecting the guest/);
  await screen.stop();
});

test.each([
  [80, 24],
  [80, 8],
  [40, 5],
  [200, 4],
])('with sixteen VMs and long names the frame stays within %i columns and %i rows', async (columns, rows) => {
  const stream = new FakeStream({ columns });
  stream.rows = rows;
  const screen = await fleetScreen(stream);
  for (let i = 0; i < 16; i += 1) begin(screen, `machine-with-quite-a-long-name-${i}`, i / 16);
  await stream.shows(rows < 16 ? /more VMs running/ : /93%/);
  const frame = terminalRows(stream.text).filter((line) => line !== '');
  await screen.stop();
  // One row remains free for the cursor.
  expect(frame.length).toBeLessThan(rows);
  for (const line of frame) expect(line.length).toBeLessThanOrEqual(columns);
  expect(frame.join('\n')).toMatch(/0 of 20 VMs finished, 16 running/);
  if (rows < 16) expect(frame.join('\n')).toMatch(/more VMs running/);
});

test('finished VMs, warnings and notes are printed for good, in their order', async () => {
  const stream = new FakeStream();
  const screen = await fleetScreen(stream);
  begin(screen, 'web-01', 0.25);
  begin(screen, 'web-02', 0.25);
  await stream.shows(/0 of 20 VMs finished, 2 running/);
  screen.onEvent({ type: 'warning', vm: 'web-02', message: 'An ISO image is left out.' });
  screen.onEvent({ type: 'vm-skipped', vm: 'web-09', result: SKIPPED });
  screen.onEvent({ type: 'vm-finished', vm: 'web-01', result: RESULT });
  await stream.shows(/2 of 20 VMs finished, 1 running/);
  const error = new Hyper2kvmError('transfer', 'The lease broke.', { hint: 'Try again.' });
  screen.onEvent({ type: 'vm-failed', vm: 'web-02', error });
  screen.note('SIGINT: cleaning up.');
  await screen.stop();
  const text = stripVTControlCharacters(stream.text);
  const lines = [
    'web-02: Warning: An ISO image is left out.\n',
    '✔ web-09: already complete since 2026-11-22 14:03 UTC, kept\n',
    '✔ web-01: 2 files, 3.0 GiB in 1m 05s\n',
    '✖ web-02: not exported\n',
    'Error: The lease broke.\n  Try again.\n',
    'SIGINT: cleaning up.\n',
  ];
  expect(lines.map((line) => text.indexOf(line)).every((place, index, all) => place > (all[index - 1] ?? -1))).toBe(
    true,
  );
  for (const line of lines) expect(text.split(line)).toHaveLength(2);
});

test('the cursor comes back, and an end without any event leaves nothing', async () => {
  const stream = new FakeStream();
  const screen = await fleetScreen(stream);
  begin(screen, 'web-01', 0.25);
  await stream.shows(/web-01/);
  await screen.stop();
  await screen.stop();
  expect(stream.text.lastIndexOf('\u001b[?25h')).toBeGreaterThan(stream.text.lastIndexOf('\u001b[?25l'));
  const silent = new FakeStream();
  await (await fleetScreen(silent)).stop();
  expect(silent.text).toBe('');
});
