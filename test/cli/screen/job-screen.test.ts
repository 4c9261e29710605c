import { expect, test } from '@jest/globals';
import { createJobScreen, JobEvents } from '../../../src/cli/screen/job-screen.ts';
import type { JobView } from '../../../src/jobs/job-record.ts';
import { GIB } from './export-events.ts';
import { FakeStream } from './fake-stream.ts';
import { terminalRows } from './terminal-rows.ts';

const ENV = { LANG: 'C.UTF-8' };

/** The record of a running job, whose first VM has received this much. */
function running(receivedBytes: number, over: Partial<JobView> = {}): JobView {
  const bytes = { capacityBytes: 20 * GIB, coveredBytes: 2 * receivedBytes, receivedBytes };
  const progress = { capacityBytes: 10 * GIB, coveredBytes: 2 * receivedBytes, receivedBytes };
  return {
    id: '20261122T140102Z-export-1a2b3c4d',
    kind: 'export',
    state: 'running',
    request: { server: 'vc:443', vms: ['web-*'], format: 'ovf', output: '/srv' },
    startedAt: new Date(Date.now() - 91_000).toISOString(),
    process: { pid: 1, hostname: 'h', startTicks: null, bootId: null },
    transferredBytes: receivedBytes,
    percent: Math.floor((100 * bytes.coveredBytes) / bytes.capacityBytes),
    totals: { vms: 2, exported: 0, skipped: 0, failed: 0, ...bytes },
    files: [],
    vms: [{ vm: 'web-01', state: 'running', step: 'download', progress }],
    file: '/tmp/job.json',
    ...over,
  };
}

test.each([40, 80, 120])(
  'a followed export has the bars and totals of its own screen, at %i columns',
  async (columns) => {
    const stream = new FakeStream({ columns });
    const screen = createJobScreen({ stream, env: ENV, job: running(0) });
    screen?.show(running(0));
    screen?.show(running(GIB));
    await stream.shows(/0\/2 VMs · 10%/);
    const frame = terminalRows(stream.text).filter((row) => row !== '');
    expect(frame[0]).toMatch(
      columns === 40 ? /^❯ Job 20261122T/ : /^❯ Job 20261122T140102Z-export-1a2b3c4d: exporting 2 VMs/,
    );
    expect(frame[1]).toMatch(/^ {2}web-01 {2}█+░+ +20%/);
    expect(frame[2]).toMatch(
      columns === 40 ? /^ {2}0\/2 VMs · 10%.* · 1m3\ds$/ : /^ {2}0\/2 VMs · 10% · 2\.0\/20\.0 GiB.* · 1m3\ds$/,
    );
    for (const row of frame) expect(row.length).toBeLessThanOrEqual(columns);
    await screen?.stop();
  },
);

test('a VM that has ended leaves one line with its state', async () => {
  const stream = new FakeStream();
  const screen = createJobScreen({ stream, env: ENV, job: running(0) });
  screen?.show(running(GIB));
  const ended = [
    { vm: 'web-01', state: 'done' as const },
    { vm: 'web-02', state: 'failed' as const },
  ];
  screen?.show(running(GIB, { vms: ended }));
  screen?.show(running(GIB, { vms: ended }));
  await screen?.stop();
  expect(terminalRows(stream.text).filter(Boolean)).toEqual(['✔ web-01: done', '✖ web-02: failed']);
});

test('plain lines are left to the caller without a terminal, for a boot test, and for a job that has ended', () => {
  const terminal = new FakeStream();
  expect(createJobScreen({ stream: new FakeStream({ isTTY: false }), env: ENV, job: running(0) })).toBeUndefined();
  expect(createJobScreen({ stream: terminal, env: { TERM: 'dumb' }, job: running(0) })).toBeUndefined();
  expect(createJobScreen({ stream: terminal, env: ENV, job: running(0, { kind: 'boot-test' }) })).toBeUndefined();
  expect(createJobScreen({ stream: terminal, env: ENV, job: running(0, { state: 'done' }) })).toBeUndefined();
});

test('a record of an earlier version, without totals, has no events', () => {
  const { totals: _, ...old } = running(GIB);
  expect(new JobEvents().take(old)).toEqual([]);
});
