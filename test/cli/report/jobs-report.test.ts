import { expect, test } from '@jest/globals';
import { jobsReport } from '../../../src/cli/report/jobs-report.ts';
import { textWidth } from '../../../src/cli/text/text-width.ts';
import type { JobView } from '../../../src/jobs/job-record.ts';

const JOB: JobView = {
  id: '20261122T140102Z-export-1a2b3c4d',
  kind: 'export',
  state: 'running',
  request: {
    server: 'vc.example.com:443',
    vms: ['web-01', 'web-02', 'a-vm-with-a-very-long-name'],
    format: 'ovf',
    output: '/srv',
  },
  startedAt: '2026-11-22T14:01:02.000Z',
  process: { pid: 4711, hostname: 'backup', startTicks: null, bootId: null },
  transferredBytes: 3 * 2 ** 30,
  percent: 41,
  files: [],
  vms: [],
  file: '/home/joe/x.json',
};
const DONE: JobView = {
  ...JOB,
  id: '20261121T140102Z-boot-test-00ff00ff',
  kind: 'boot-test',
  state: 'done',
  startedAt: '2026-11-21T14:01:02.000Z',
  endedAt: '2026-11-21T14:02:07.000Z',
};
const now = new Date('2026-11-22T14:03:02.000Z');

test('jobs are listed by short ID, with as many columns as fit', () => {
  expect(jobsReport([JOB, DONE], { limit: 20, width: undefined, now })).toEqual([
    'ID        STATE        KIND       STARTED (UTC)       TIME  FETCHED  VMS',
    '1a2b3c4d  running 41%  export     2026-11-22 14:01  2m 00s  3.0 GiB  web-01, web-02, a-vm-with-a-very-long-name',
    '00ff00ff  done         boot-test  2026-11-21 14:01  1m 05s           web-01, web-02, a-vm-with-a-very-long-name',
    '2 jobs, 1 running. Details: hyper2kvm jobs show ID',
  ]);
  const narrow = jobsReport([JOB, DONE], { limit: 20, width: 40, now });
  expect(narrow[0]).toBe('ID        STATE        VMS');
  expect(narrow[1]).toBe('1a2b3c4d  running 41%  web-01, web-02, …');
});

test.each([40, 80, 120])('the table fits into %i columns', (width) => {
  const [, ...rows] = jobsReport([JOB, DONE], { limit: 20, width, now }).toReversed();
  expect(rows.filter((line) => textWidth(line) > width)).toEqual([]);
});

test('two jobs with the same random part are listed by their full IDs', () => {
  const twin = { ...JOB, id: '20261120T000000Z-export-1a2b3c4d' };
  const [, first, second] = jobsReport([JOB, twin], { limit: 20, width: undefined, now });
  expect([first, second].map((line) => line?.split(' ')[0])).toEqual([JOB.id, twin.id]);
});

test('a limit says how many jobs there are, and no job is a line', () => {
  expect(jobsReport([JOB, DONE], { limit: 1, width: 80, now }).at(-1)).toBe(
    '1 of 2 jobs (--limit), 1 running. Details: hyper2kvm jobs show ID',
  );
  expect(jobsReport([], { limit: 1, width: 80, now })).toEqual(['No jobs.']);
});

test('a process that was killed has no duration', () => {
  const killed: JobView = { ...JOB, state: 'interrupted' };
  expect(jobsReport([killed], { limit: 1, width: undefined, now })[1]).toMatch(
    /interrupted +export +2026-11-22 14:01 +3\.0 GiB/,
  );
});
