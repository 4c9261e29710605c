import { expect, test } from '@jest/globals';
import { JobExtent } from '../../../../src/operations/export/run/job-progress.ts';
import type { ExportEvent } from '../../../../src/operations/export/types.ts';

/** Returns the percentage after each event. */
function percents(events: readonly object[]): (number | undefined)[] {
  const extent = new JobExtent();
  return events.map((event) => {
    // The events have only the fields that the code reads.
    extent.take(event as ExportEvent);
    return extent.percent().percent;
  });
}

const started = (vm: string, count: number) => ({
  type: 'vm-started',
  vm,
  inventoryPath: vm,
  index: 0,
  count,
  output: '/',
});
const disks = (vm: string, ...capacities: number[]) => ({
  type: 'disks',
  vm,
  disks: capacities.map((capacityBytes, index) => ({ disk: `${vm}-${index}`, capacityBytes })),
});
const covered = (disk: string, coveredBytes: number) => ({
  type: 'disk-progress',
  vm: disk.slice(0, -2),
  disk,
  receivedBytes: 1,
  coveredBytes,
});

test('one VM counts by the capacity of its disks, and is never whole before the job has ended', () => {
  const complete = (disk: string) => ({ type: 'disk-complete', vm: 'a', disk, sizeBytes: 1, sha256: '', seconds: 1 });
  expect(
    percents([
      started('a', 1),
      disks('a', 300, 100),
      covered('a-0', 150),
      complete('a-0'),
      { type: 'disk-kept', vm: 'a', disk: 'a-1', sizeBytes: 1, sha256: '' },
      { type: 'vm-finished', vm: 'a', result: {} },
    ]),
  ).toEqual([0, 0, 37, 75, 99, 99]);
});

test('a disk that is fetched again counts from its beginning', () => {
  const again = { type: 'disk-started', vm: 'a', disk: 'a-0', capacityBytes: 100, attempt: 2 };
  expect(percents([started('a', 1), disks('a', 100), covered('a-0', 60), again])).toEqual([0, 0, 60, 0]);
});

test('several VMs count the same each, side by side, failed and skipped ones too', () => {
  expect(
    percents([
      { type: 'vm-failed', vm: 'not-found', error: new Error('no') },
      started('a', 4),
      started('b', 4),
      disks('a', 100),
      covered('a-0', 50),
      { type: 'vm-failed', vm: 'a', error: new Error('no') },
      { type: 'vm-skipped', vm: 'b', result: {} },
    ]),
  ).toEqual([undefined, 0, 0, 0, 12, 25, 50]);
});
