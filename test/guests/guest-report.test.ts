import { describe, expect, test } from '@jest/globals';
import { differencesFrom, reachedGateways, readReport } from './guest-report.ts';

const CONSOLE = `
[  OK  ] Started guest-report.service.

guest-nic mac=00:50:56:8a:09:01 name=eth1 state=up addresses=10.0.2.15/24 gateways=10.0.2.2:answers
guest-nic mac=00:50:56:8a:09:02 name=eth0 state=up addresses=10.0.3.15/24 gateways=10.0.3.2:answers
guest-mount / ext4 6d0c /
guest-mount /home btrfs 77aa /@/home
guest-swap 91be
guest-selinux enforcing=1
guest-ready eth0=up eth1=up kernel=6.1.0-57-amd64
`;

/**
 * Returns the report in the console's output.
 * @throws if there is no report
 */
function reportOf(serial: string): NonNullable<ReturnType<typeof readReport>> {
  const report = readReport(serial);
  if (report === undefined) throw new Error('there is no report');
  return report;
}

describe('readReport', () => {
  test('reads NICs by MAC address, mounts, swap and SELinux', () => {
    expect(readReport(CONSOLE)).toEqual({
      nics: {
        '00:50:56:8a:09:01': {
          name: 'eth1',
          state: 'up',
          addresses: ['10.0.2.15/24'],
          gateways: ['10.0.2.2:answers'],
        },
        '00:50:56:8a:09:02': {
          name: 'eth0',
          state: 'up',
          addresses: ['10.0.3.15/24'],
          gateways: ['10.0.3.2:answers'],
        },
      },
      mounts: { '/': 'ext4 6d0c /', '/home': 'btrfs 77aa /@/home', 'swap 91be': 'swap' },
      failedUnits: [],
      selinux: 'enforcing',
    });
  });

  test('is undefined for a guest that did not come up', () => {
    expect(readReport('guest-nic mac=00:50:56:8a:09:01 name=eth0\n(initramfs) ')).toBeUndefined();
  });
});

describe('reachedGateways', () => {
  const [first, second] = ['00:50:56:8a:09:01', '00:50:56:8a:09:02'] as const;

  test('is true for each NIC whose gateway answers', () => {
    expect(reachedGateways(reportOf(CONSOLE))).toEqual({ [first]: true, [second]: true });
  });

  test.each([
    ['a NIC whose gateway is silent', '10.0.3.2:answers', '10.0.3.2:silent'],
    ['a NIC without an address', 'addresses=10.0.3.15/24 gateways=10.0.3.2:answers', 'addresses= gateways='],
  ])('is false for %s', (_title, from, to) => {
    expect(reachedGateways(reportOf(CONSOLE.replace(from, to)))).toEqual({ [first]: true, [second]: false });
  });
});

describe('differencesFrom', () => {
  test('finds none in the same report', () => {
    expect(differencesFrom(reportOf(CONSOLE), reportOf(CONSOLE))).toEqual([]);
  });

  test('finds an address on the wrong network, a missing mount and a failed unit', () => {
    const now = CONSOLE.replace('name=eth1', 'name=eth0')
      .replace('addresses=10.0.2.15/24 gateways=10.0.2.2:answers', 'addresses=10.0.3.15/24 gateways=10.0.3.2:silent')
      .replace('guest-mount /home btrfs 77aa /@/home\n', 'guest-failed-unit home.mount\n');
    expect(differencesFrom(reportOf(CONSOLE), reportOf(now))).toEqual([
      '00:50:56:8a:09:01 name: eth0, was eth1',
      '00:50:56:8a:09:01 addresses: 10.0.3.15/24, was 10.0.2.15/24',
      '00:50:56:8a:09:01 gateways: 10.0.3.2:silent, was 10.0.2.2:answers',
      '/home: none, was btrfs 77aa /@/home',
      'failed units: home.mount, was none',
    ]);
  });
});
