import { expect, test } from '@jest/globals';
import { jobWord } from '../../../src/cli/hyperctl/job-words.ts';
import { queryDetails, queryTable } from '../../../src/cli/hyperctl/query-report.ts';
import { statusLines } from '../../../src/cli/hyperctl/status-report.ts';
import type { JobView } from '../../../src/jobs/job-record.ts';

const JOB: JobView = {
  id: '20261122T140102Z-export-1a2b3c4d',
  kind: 'export',
  state: 'running',
  request: { server: 'failed.example:443', vms: ['/DC0/vm/Completed'], format: 'ovf', output: '/srv/cancelled' },
  startedAt: '2026-11-22T14:01:02Z',
  process: { pid: 1, hostname: 'here', startTicks: '1', bootId: 'x' },
  transferredBytes: 3 << 20,
  percent: 41,
  files: [{ path: '/srv/cancelled/failed-disk-1.vmdk', sizeBytes: 5 }],
  vms: [{ vm: 'Completed', state: 'running' }],
  file: '/state/job.json',
};
const ENDED = { endedAt: '2026-11-22T15:00:00Z' };
const failure: JobView['vms'][number] = {
  vm: 'Completed',
  state: 'failed',
  error: { kind: 'transfer', message: 'PowerOffVM_Task failed, was Cancelled or not completed.' },
  leftBehind: ['The snapshot of a failed run.'],
};

const JOBS: [string, JobView][] = [
  ['pending', { ...JOB, vms: [] }],
  ['running', JOB],
  ['completed', { ...JOB, ...ENDED, state: 'done', exitCode: 0, vms: [{ vm: 'Completed', state: 'done' }] }],
  ['failed', { ...JOB, ...ENDED, state: 'failed', exitCode: 12, vms: [failure] }],
  ['failed', { ...JOB, ...ENDED, state: 'partial', exitCode: 3, vms: [failure] }],
  ['failed', { ...JOB, ...ENDED, state: 'done', exitCode: 16 }],
  ['failed', { ...JOB, state: 'interrupted' }],
  [
    'cancelled',
    { ...JOB, ...ENDED, state: 'interrupted', error: { kind: 'interrupted', message: 'Interrupted by SIGTERM.' } },
  ],
];

test.each(JOBS)(
  '%s: of the words for an end, the output holds its own alone, wherever names and messages have others',
  (word, job) => {
    expect(jobWord(job)).toBe(word);
    const output = [...queryTable([job]), '', ...queryDetails(job)].join('\n').toLowerCase();
    const found = ['completed', 'failed', 'cancelled'].filter((end) => output.includes(end));
    expect(found).toEqual(['pending', 'running'].includes(word) ? [] : [word]);
    expect(output).toContain(`\nstatus: ${word}\n`);
  },
);

test('the first two lines are the header and the job, as columns that can be split at white space', () => {
  const [header = '', row = ''] = queryTable([JOB]);
  expect(header.split(/\s+/)).toEqual(['JOB_ID', 'STATUS', 'PROGRESS', 'MESSAGE']);
  expect(row.split(/\s+/)).toEqual([JOB.id, 'running', '41%', 'Exporting', 'Complet·ed']);
});

test('an ended job tells its files, or why it ended, and what is left', () => {
  const done = JOBS[2]?.[1] ?? JOB;
  expect(queryDetails(done)).toContain('File: /srv/cancell·ed/fail·ed-disk-1.vmdk (5 B)');
  const failed = queryDetails(JOBS[3]?.[1] ?? JOB);
  expect(failed).toContain('Error: PowerOffVM_Task fail·ed, was Cancell·ed or not complet·ed.');
  expect(failed).toContain('Left on the server: The snapshot of a fail·ed run.');
  expect(queryDetails(JOBS[6]?.[1] ?? JOB)).toContain(
    'Error: The process of the job was killed, or the host went down.',
  );
});

test('status says that it runs and counts the jobs', () => {
  const lines = statusLines(
    '0.1.0',
    JOBS.map(([, job]) => job),
  );
  expect(lines.join('\n')).toMatch(/running/);
  expect(lines).toContain('✓ Job Statistics: 8 total, 1 completed, 4 failed');
  expect(statusLines('0.1.0', [])).toContain('✓ Job Statistics: 0 total, 0 completed, 0 failed');
});
