import { expect, test } from '@jest/globals';
import { RunMeter } from '../../../../src/operations/export/run/run-meter.ts';
import type { ExportEvent } from '../../../../src/operations/export/types.ts';

/** Returns the percentage after each event. */
function percents(events: readonly object[]): (number | undefined)[] {
  const meter = new RunMeter();
  return events.map((event) => {
    // The events have only the fields that the code reads.
    meter.take(event as ExportEvent);
    return meter.totals().percent;
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
  const whole = (disk: string) => ({ type: 'disk-complete', vm: 'a', disk, sizeBytes: 1, sha256: '', seconds: 1 });
  expect(
    percents([
      started('a', 1),
      disks('a', 300, 100),
      covered('a-0', 150),
      whole('a-0'),
      { type: 'disk-kept', vm: 'a', disk: 'a-1', sizeBytes: 1, sha256: '' },
      { type: 'vm-finished', vm: 'a', result: {} },
    ]),
  ).toEqual([undefined, 0, 37, 75, 99, 99]);
});

test('a disk that is fetched again counts from its beginning', () => {
  const again = { type: 'disk-started', vm: 'a', disk: 'a-0', capacityBytes: 100, attempt: 2 };
  expect(percents([started('a', 1), disks('a', 100), covered('a-0', 60), again])).toEqual([undefined, 0, 60, 0]);
});

test('VMs whose sizes are unknown count the same each, failed and skipped ones too', () => {
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
  ).toEqual([undefined, undefined, undefined, 0, 12, 25, 50]);
});

test('VMs whose sizes are known count by them, and the percentage never falls', () => {
  const meter = new RunMeter();
  const totalsAfter = (event: object) => {
    // The events have only the fields that the code reads.
    meter.take(event as ExportEvent);
    return meter.totals();
  };
  const vms = [
    ['a', 100],
    ['b', 300],
    ['c', 600],
  ].map(([vm, capacityBytes]) => ({ vm, inventoryPath: vm, capacityBytes }));
  expect(totalsAfter({ type: 'run-started', job: 'j', vms })).toEqual({
    vms: 3,
    exported: 0,
    skipped: 0,
    failed: 0,
    capacityBytes: 1000,
    coveredBytes: 0,
    receivedBytes: 0,
    percent: 0,
  });
  totalsAfter(started('a', 3));
  totalsAfter(disks('a', 100));
  expect(totalsAfter(covered('a-0', 50))).toMatchObject({ coveredBytes: 50, receivedBytes: 1, percent: 5 });
  expect(totalsAfter({ type: 'vm-failed', vm: 'a', error: new Error('no') })).toMatchObject({
    failed: 1,
    capacityBytes: 950,
    coveredBytes: 50,
    percent: 5,
  });
  expect(totalsAfter({ type: 'vm-skipped', vm: 'c', result: {} })).toMatchObject({
    skipped: 1,
    capacityBytes: 350,
    percent: 14,
  });
  expect(totalsAfter({ type: 'vm-failed', vm: 'nobody', error: new Error('no') })).toMatchObject({ vms: 4, failed: 2 });
});

test('bytes of an attempt that was given up still count as received', () => {
  const meter = new RunMeter();
  for (const event of [started('a', 1), disks('a', 100), { ...covered('a-0', 60), receivedBytes: 40 }]) {
    // The events have only the fields that the code reads.
    meter.take(event as ExportEvent);
  }
  meter.take({ type: 'disk-started', vm: 'a', disk: 'a-0', capacityBytes: 100, attempt: 2 });
  meter.take({ type: 'disk-progress', vm: 'a', disk: 'a-0', receivedBytes: 10, coveredBytes: 20 });
  expect(meter.totals()).toMatchObject({ receivedBytes: 50, coveredBytes: 20, percent: 20 });
});
