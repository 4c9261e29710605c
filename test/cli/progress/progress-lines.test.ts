import { expect, jest, test } from '@jest/globals';
import { safeParse } from 'valibot';
import { Hyper2kvmError } from '../../../src/base/errors.ts';
import { ProgressLines } from '../../../src/cli/progress/progress-lines.ts';
import { ProgressLineSchema } from '../../../src/operations/documents/progress-line.ts';
import {
  DISK,
  GIB,
  RESULT,
  VM,
  diskProgress,
  diskStarted,
  runStarted,
  sender,
  vmStarted,
} from '../screen/export-events.ts';

interface Recorded {
  lines: Record<string, unknown>[];
  progress: ProgressLines;
}

function record(now: () => number = Date.now): Recorded {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => {
    expect(line.endsWith('\n')).toBe(true);
    const value: unknown = JSON.parse(line);
    expect(safeParse(ProgressLineSchema, value).issues).toBeUndefined();
    lines.push(value as Record<string, unknown>);
  };
  const clean = (text: string) => text.replaceAll('geheim', '***');
  return { lines, progress: new ProgressLines({ write, command: 'export', version: '1.2.3', clean, now }) };
}

test('an export is a start, its VMs, progress, warnings, results and an end', () => {
  let nowMs = Date.UTC(2026, 10, 22);
  const { lines, progress } = record(() => nowMs);
  const send = sender(progress);
  send(runStarted([VM, 'web-02']));
  send(vmStarted(VM, 0, 2));
  send({ type: 'step', vm: VM, step: 'download', detail: 'Downloading' });
  send({ type: 'disks', vm: VM, disks: [{ disk: DISK, capacityBytes: 10 * GIB }] });
  send(diskStarted());
  nowMs += 2000;
  send(diskProgress(GIB, 4 * GIB));
  send({ type: 'warning', vm: VM, message: 'The password geheim is weak.' });
  send({ type: 'vm-finished', vm: VM, result: RESULT });
  send({
    type: 'vm-failed',
    vm: 'web-02',
    error: new Hyper2kvmError('transfer', 'The lease broke: geheim.', { hint: 'Try again.' }),
  });
  progress.note('SIGINT: cleaning up.');
  progress.end(3, { kind: 'partial', exitCode: 3, message: '1 of 2 VMs was not exported.' });
  const time = '2026-11-22T00:00:02.000Z';
  expect(lines).toEqual([
    {
      type: 'start',
      time: '2026-11-22T00:00:00.000Z',
      schemaVersion: 1,
      command: 'export',
      version: '1.2.3',
      pid: process.pid,
    },
    expect.objectContaining({
      type: 'vms',
      job: 'j',
      vms: [expect.objectContaining({ vm: VM, capacityBytes: 10 * GIB }), expect.objectContaining({ vm: 'web-02' })],
    }),
    { type: 'warning', time, vm: VM, message: 'The password *** is weak.' },
    { type: 'result', time, vm: VM, state: 'done', output: RESULT.output, sizeBytes: 3 * GIB + 200, seconds: 65 },
    {
      type: 'result',
      time,
      vm: 'web-02',
      state: 'failed',
      error: { kind: 'transfer', exitCode: 12, message: 'The lease broke: ***.', hint: 'Try again.' },
    },
    { type: 'message', time, message: 'SIGINT: cleaning up.' },
    expect.objectContaining({
      type: 'progress',
      totals: expect.objectContaining({ exported: 1, failed: 1, percent: 99 }),
      vms: [],
    }),
    {
      type: 'end',
      time,
      exitCode: 3,
      error: { kind: 'partial', exitCode: 3, message: '1 of 2 VMs was not exported.' },
    },
  ]);
});

test('progress is a line a second, with rates and the VMs in progress', () => {
  jest.useFakeTimers({ now: 0 });
  try {
    const { lines, progress } = record();
    const send = sender(progress);
    send(runStarted([VM, 'web-02']));
    send(vmStarted(VM, 0, 2));
    send({ type: 'disks', vm: VM, disks: [{ disk: DISK, capacityBytes: 10 * GIB }] });
    send(diskStarted());
    for (let second = 1; second <= 5; second += 1) {
      jest.advanceTimersByTime(1000);
      send(diskProgress(second * GIB, second * 2 * GIB));
    }
    jest.advanceTimersByTime(100);
    progress.end(0, undefined);
    const shown = lines.filter(({ type }) => type === 'progress');
    expect(shown).toHaveLength(6);
    expect(shown.at(-1)).toMatchObject({
      elapsedSeconds: 5.1,
      totals: { vms: 2, percent: 50, coveredBytes: 10 * GIB, capacityBytes: 20 * GIB, receivedBytes: 5 * GIB },
      vms: [{ vm: VM, step: 'connect', coveredBytes: 10 * GIB, receivedBytes: 5 * GIB }],
    });
    const { bytesPerSecond, secondsLeft } = (shown.at(-1)?.['totals'] ?? {}) as Record<string, number>;
    expect(bytesPerSecond).toBeGreaterThan(0.9 * GIB);
    expect(bytesPerSecond).toBeLessThan(1.1 * GIB);
    expect(secondsLeft).toBeGreaterThan(3);
    expect(secondsLeft).toBeLessThan(7);
  } finally {
    jest.useRealTimers();
  }
});

test('a conversion has its source as the only VM', () => {
  const { lines, progress } = record();
  progress.onEvent({ type: 'source-started', source: 'web.ova' });
  progress.onEvent({ type: 'source-failed', source: 'web.ova', error: new Hyper2kvmError('image', 'No VMDK.') });
  progress.end(13, undefined);
  expect(lines.slice(1)).toEqual([
    expect.objectContaining({ type: 'result', vm: 'web.ova', state: 'failed' }),
    expect.objectContaining({ type: 'end', exitCode: 13 }),
  ]);
});
