import { expect, test } from '@jest/globals';
import { queryDetails, queryTable } from '../../../src/cli/hyperctl/query-report.ts';
import { statusLines } from '../../../src/cli/hyperctl/status-report.ts';
import { describeError } from '../../../src/cli/text/error-report.ts';
import { JobLines } from '../../../src/cli/report/job-lines.ts';
import { jobReport, statusReport } from '../../../src/cli/report/status-report.ts';
import { isProcessOver } from '../../../src/jobs/job-process.ts';
import { parseRecord } from '../../../src/jobs/job-record-text.ts';
import type { JobView } from '../../../src/jobs/job-record.ts';
import { jobOutcome } from '../../../src/operations/status/job-outcome.ts';

const ERROR = { kind: 'transfer', message: 'it broke', hint: 'try again' };
const RECORD = {
  id: '20260101T000000Z-export-1a2b3c4d',
  kind: 'export',
  state: 'failed',
  request: { server: 'vc:443', vms: ['web'], format: 'ovf', output: '/out' },
  startedAt: '2026-01-01T00:00:00Z',
  endedAt: '2026-01-01T00:01:00Z',
  exitCode: 11,
  log: '/log',
  process: { pid: 4_194_305, hostname: 'host', startTicks: '1', bootId: 'boot' },
  transferredBytes: 5,
  percent: 7,
  files: [{ path: '/out/web.ovf', sizeBytes: 5, sha256: 'ab' }],
  vms: [{ vm: 'web', state: 'failed', error: ERROR, leftBehind: ['a lease'] }],
  error: ERROR,
};
const ODD = [null, undefined, true, 0, -1, 1e300, 'odd', '\u001b[2J', [], [null], ['x'], {}, { message: 1 }];

/** Returns the output of everything that displays a job record. */
function show(job: JobView): string[] {
  isProcessOver(job.process);
  const outcome = jobOutcome(job);
  if (outcome !== undefined) expect(describeError(outcome).exitCode).toBeGreaterThan(0);
  return [
    ...jobReport(job),
    ...statusReport({ version: '1', findings: [], jobs: [job], replicas: [] }, 80),
    ...new JobLines(() => 0).take(job),
    ...queryTable([job]),
    ...queryDetails(job),
    ...statusLines('1', [job]),
  ];
}

function* variants(value: unknown): Generator {
  for (const odd of ODD) yield odd;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    for (const changed of variants(inner)) {
      yield Array.isArray(value) ? [changed] : { ...value, [key]: changed };
    }
  }
}

test('a record with an odd value anywhere is shown, or is not a record', () => {
  let shown = 0;
  let refused = 0;
  for (const state of ['failed', 'running', 'interrupted', 'partial', 'done']) {
    for (const variant of variants({ ...RECORD, state })) {
      const record = parseRecord(JSON.stringify(variant) ?? '');
      if (record === undefined) refused += 1;
      else {
        shown += 1;
        // oxlint-disable-next-line no-control-regex -- what a terminal would obey
        expect(show({ ...record, file: '/record' }).join('\n')).not.toMatch(/\u001b/);
      }
    }
  }
  expect(shown).toBeGreaterThan(100);
  expect(refused).toBeGreaterThan(500);
});
