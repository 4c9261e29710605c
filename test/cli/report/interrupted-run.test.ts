import { expect, test } from '@jest/globals';
import { InterruptedRun } from '../../../src/cli/report/export/interrupted-run.ts';
import { RESULT, runStarted } from '../screen/export-events.ts';

test('after an interruption, what was kept is listed, and how to go on', () => {
  const run = new InterruptedRun();
  expect(run.lines()).toEqual([]);
  run.take(runStarted(['web-01', 'web-02', 'web-03']));
  expect(run.lines()).toEqual([
    'No VM is complete. Incomplete files were removed.',
    'To continue, run the same command again.',
    'Details: hyper2kvm status --job j',
  ]);
  run.take({ type: 'vm-finished', vm: 'web-01', result: RESULT });
  expect(run.lines()).toEqual([
    'Kept: 1 of 3 VMs. Incomplete files of the others were removed.',
    '  web-01: 3.0 GiB in /srv/vms/web-01',
    'To continue, run the same command again with --skip-existing.',
    'Details: hyper2kvm status --job j',
  ]);
});

test('more than ten VMs are counted', () => {
  const names = Array.from({ length: 14 }, (_, index) => `vm-${index}`);
  const run = new InterruptedRun();
  run.take(runStarted(names));
  for (const vm of names.slice(0, 13)) run.take({ type: 'vm-finished', vm, result: RESULT });
  expect(run.lines()).toHaveLength(14);
  expect(run.lines()[11]).toBe('  3 more VMs');
});
