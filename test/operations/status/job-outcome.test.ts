import { expect, test } from '@jest/globals';
import { exitCodeOf } from '../../../src/base/exit-codes.ts';
import { JobLines } from '../../../src/cli/report/job-lines.ts';
import type { JobView } from '../../../src/jobs/job-record.ts';
import { exitCodeOfExport, exportOutcome } from '../../../src/operations/export/run/export-outcome.ts';
import type { ExportResult, VmExportFailure, VmExportResult } from '../../../src/operations/export/types.ts';
import { jobOutcome } from '../../../src/operations/status/job-outcome.ts';
import { Hyper2kvmError, type ErrorKind } from '../../../src/base/errors.ts';

const JOB: JobView = {
  id: '20261122T140102Z-export-1a2b3c4d',
  kind: 'export',
  state: 'running',
  request: { server: 'vc', vms: ['web'], format: 'ovf', output: '/out' },
  startedAt: '2026-11-22T14:01:02Z',
  process: { pid: 1, hostname: 'here', startTicks: '1', bootId: 'x' },
  transferredBytes: 0,
  files: [],
  vms: [],
  file: '/state/job.json',
};

const failure = (kind: ErrorKind): VmExportFailure => ({
  vm: kind,
  error: { kind, message: `${kind} it was.` },
  leftBehind: [],
  keptForNextRun: [],
});

function exported(problem?: string): VmExportResult {
  const whole = {
    vm: 'web',
    moRef: 'vm-1',
    inventoryPath: '/web',
    format: 'qcow2' as const,
    output: '/out',
    files: [],
  };
  const counts = { transferredBytes: 0, capacityBytes: 0, keptDisks: [], warnings: [], seconds: 0 };
  if (problem === undefined) return { ...whole, ...counts };
  const bootTest = { problem: { message: problem, hint: 'look' } } as VmExportResult['bootTest'] & object;
  return { ...whole, ...counts, bootTest };
}

test.each<[string, VmExportResult[], VmExportFailure[]]>([
  ['all is well', [exported()], []],
  ['a guest did not come up', [exported(), exported('silent')], []],
  ['a lone VM failed', [], [failure('transfer')]],
  ['all failed alike', [], [failure('image'), failure('image')]],
  ['all failed, each its way', [], [failure('image'), failure('transfer')]],
  ['some failed', [exported()], [failure('image')]],
])('the exit code in the record is that of the command: %s', (_title, whole, failed) => {
  const result: ExportResult = { job: JOB.id, state: 'done', exported: whole, skipped: [], failed };
  const errors = failed.map(({ error }) => new Hyper2kvmError(error.kind as ErrorKind, error.message));
  const outcome = exportOutcome(result, errors);
  expect(exitCodeOfExport(result)).toBe(outcome === undefined ? 0 : exitCodeOf(outcome.error));
});

test.each([
  [{ state: 'done', exitCode: 0 }, undefined],
  [{ state: 'failed', exitCode: 12, vms: [{ vm: 'web', state: 'failed', error: failure('transfer').error }] }, 12],
  [{ state: 'interrupted', exitCode: 143, error: { kind: 'interrupted', message: 'Interrupted.' } }, 143],
  [{ state: 'interrupted', exitCode: 130 }, 130],
  [{ state: 'partial', exitCode: 3 }, 3],
  [{ state: 'interrupted' }, 1],
] as const)('a job that ended with %j gives its own exit code', (end, exitCode) => {
  const ended = exitCode === 1 ? {} : { endedAt: '2026-11-22T15:00:00Z' };
  const outcome = jobOutcome({ ...JOB, ...ended, ...end } as JobView);
  expect(outcome && exitCodeOf(outcome)).toBe(exitCode);
});

test('the lines of a followed job tell what is new, and its progress every ten seconds', () => {
  let now = Date.parse('2026-11-22T14:00:00Z');
  const lines = new JobLines(() => now);
  const running: JobView = { ...JOB, vms: [{ vm: 'web', state: 'running' }] };
  expect(lines.take(JOB)).toEqual([]);
  expect(lines.take(running)).toEqual(['2026-11-22T14:00:00Z web: running']);
  expect(lines.take({ ...running, percent: 1, transferredBytes: 1024 })).toEqual([
    '2026-11-22T14:00:00Z 1 %, 1.0 KiB fetched',
  ]);
  now += 9000;
  expect(lines.take({ ...running, percent: 5, transferredBytes: 4096 })).toEqual([]);
  now += 1000;
  expect(lines.take({ ...running, percent: 5, transferredBytes: 4096 })).toHaveLength(1);
  now += 60_000;
  expect(lines.take({ ...running, percent: 5, transferredBytes: 4096 })).toEqual([]);
  expect(lines.take({ ...running, state: 'done', vms: [{ vm: 'web', state: 'done' }] })).toEqual([
    '2026-11-22T14:01:10Z web: done',
  ]);
});
