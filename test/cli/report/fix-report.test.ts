import { expect, test } from '@jest/globals';
import { fixReport } from '../../../src/cli/report/fix-report.ts';
import type { FixReport } from '../../../src/operations/fix-guest/types.ts';

const PLANNED: FixReport = {
  outcome: 'planned',
  system: 'Debian GNU/Linux 12',
  root: '/dev/sda1',
  changes: [],
  warnings: [],
  bootBefore: {
    verdict: 'not-ready',
    checks: [
      { area: 'mounts', verdict: 'not-ready', file: '/etc/fstab', line: 3, reason: '/dev/sdb1 is not there.' },
      { area: 'network', verdict: 'unknown', file: '/etc/netplan/a.yaml', reason: 'it is not YAML.', isAdvisory: true },
      { area: 'boot-entries', verdict: 'ready', file: '/boot/grub/grub.cfg', reason: 'all is there.' },
    ],
  },
  boot: {
    verdict: 'ready',
    checks: [{ area: 'mounts', verdict: 'ready', file: '/etc/fstab', reason: 'all is there.' }],
  },
  seconds: 1,
};

test('a plan has the verdict before and after, and each check that is not passed', () => {
  expect(fixReport(PLANNED, 80)).toEqual([
    'Guest: Debian GNU/Linux 12 on /dev/sda1 needs no change',
    '  Boot checks as it is: not ready (3 checks)',
    '    not ready: /etc/fstab:3: /dev/sdb1 is not there.',
    '    cannot be judged (does not count): /etc/netplan/a.yaml: it is not YAML.',
    '  Boot checks after the changes: ready (1 check)',
  ]);
});

test('what a guest wrote cannot forge lines or escape sequences', () => {
  const boot = {
    verdict: 'not-ready',
    checks: [{ area: 'mounts', verdict: 'not-ready', file: '/etc/\u001B[2J', reason: 'a\nGuest: fine' }],
  } as const;
  const lines = fixReport(
    { ...PLANNED, outcome: 'fixed', bootBefore: undefined, boot: { ...boot, checks: [...boot.checks] } },
    80,
  );
  expect(lines.join('')).not.toContain('\u001B');
  expect(lines).toHaveLength(3);
});
