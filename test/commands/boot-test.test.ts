import { expect, test } from '@jest/globals';
import { Hyper2kvmError } from '../../src/base/errors.ts';
import { BootTestCommand } from '../../src/commands/boot-test.ts';
import { bootTestError } from '../../src/operations/boot-test/boot-test.ts';
import type { BootTestEvent, BootTestOptions, BootTestResult } from '../../src/operations/boot-test/types.ts';
import type { OperationContext } from '../../src/operations/operation-context.ts';
import { runCommand, type CommandRun } from './run-command.ts';

const BOOTED: BootTestResult = {
  target: 'web-01.xml',
  name: 'web-01',
  verdict: 'booted',
  networkUp: true,
  seconds: 23.4,
  accelerator: 'kvm',
  firmware: 'uefi',
  loginPromptSeconds: 21.2,
  guestAgentSeconds: null,
  nics: [
    {
      mac: '00:50:56:ab:cd:ef',
      model: 'virtio-net-pci',
      firstFrameSeconds: 12.3,
      sent: { dhcp: true, addresses: ['192.0.2.10'], arpTargets: ['192.0.2.1'] },
      configured: ['192.0.2.10'],
      address: {
        verdict: 'as-on-vmware',
        expected: ['192.0.2.10'],
        isDifferent: false,
        words: '192.0.2.10 as on VMware',
      },
    },
  ],
  restarts: 0,
  failedUnits: [],
  lastLines: ['web-01 login: '],
  picture: '/jobs/1/screen.png',
  serialLog: '/jobs/1/serial.log',
  job: '1',
  warnings: ['The boot test does not include the TPM of the domain.'],
};
const FAILED: BootTestResult = {
  ...BOOTED,
  verdict: 'failed',
  networkUp: false,
  loginPromptSeconds: null,
  nics: [
    {
      mac: '00:50:56:ab:cd:ef',
      model: 'virtio-net-pci',
      firstFrameSeconds: null,
      sent: { dhcp: false, addresses: [], arpTargets: [] },
      configured: null,
      address: { verdict: 'not-compared', expected: [], isDifferent: false, words: 'silent' },
    },
  ],
  failure: { kind: 'initramfs-shell', words: 'initramfs shell', text: '(initramfs)', seconds: 71 },
  failedUnits: ['Failed to mount data.mount - /data.', 'Dependency failed for Local File Systems.'],
  lastLines: ['ALERT!  /dev/sda1 does not exist.  Dropping to a shell!', '(initramfs) '],
  problem: { message: 'web-01 did not come up: initramfs shell, after 1m 11s.', hint: 'Look at /jobs/1/screen.png.' },
};

type BootTest = (options: BootTestOptions, context: OperationContext<BootTestEvent>) => Promise<BootTestResult>;

async function run(
  argv: string[],
  bootTest: BootTest = () => Promise.resolve(BOOTED),
): Promise<CommandRun & { options: BootTestOptions | undefined }> {
  let options: BootTestOptions | undefined;
  class TestedCommand extends BootTestCommand {
    protected override operation() {
      const tested: BootTest = (given, context) => bootTest((options = given), context);
      return Promise.resolve({ bootTest: tested, bootTestError });
    }
  }
  return { ...(await runCommand(TestedCommand, 'boot-test', argv)), options };
}

test('without flags it takes KVM where it can, and the domain’s own hardware', async () => {
  expect((await run(['web-01.xml'])).options).toEqual({
    target: 'web-01.xml',
    keys: [],
    requireAddresses: false,
    timeoutMs: undefined,
    firmware: undefined,
    memoryBytes: undefined,
    accelerator: 'auto',
    env: process.env,
  });
});

test('the flags reach the operation in its own units', async () => {
  const flags = ['--timeout', '10m', '--firmware=uefi', 'a.img', '--memory', '4G', '--accelerator', 'tcg'];
  expect((await run(flags)).options).toMatchObject({
    target: 'a.img',
    timeoutMs: 600_000,
    firmware: 'uefi',
    memoryBytes: 4 * 2 ** 30,
    accelerator: 'tcg',
  });
});

test.each([['--timeout=0'], ['--firmware=coreboot'], ['--memory=1M'], ['--memory=2T'], ['--accelerator=hax'], ['']])(
  '%s is a usage error',
  async (flag) => {
    expect(await run(flag === '' ? [''] : ['a.img', flag])).toMatchObject({ exitCode: 2, options: undefined });
  },
);

test('a guest that comes up is told with its seconds, and is exit code 0', async () => {
  const { stdout, stderr, exitCode } = await run(['web-01.xml'], (_options, { report }) => {
    report({ type: 'step', vm: 'web-01', step: 'boot-test', detail: 'Boot test, 12s: a frame' });
    report({ type: 'warning', vm: 'web-01', message: 'The boot test does not include the TPM of the domain.' });
    return Promise.resolve(BOOTED);
  });
  expect(exitCode).toBe(0);
  expect(stdout).toBe(
    [
      'web-01: came up in 12.3 s, network up, with KVM',
      '  Seen: login prompt 21.2 s, no guest agent, first frame of 00:50:56:ab:cd:ef 12.3 s',
      '  Sent by 00:50:56:ab:cd:ef: DHCP requests; from 192.0.2.10; ARP for 192.0.2.1 (configured: 192.0.2.10)',
      '  NIC                EXPECTED    IN THE BOOT TEST',
      '  00:50:56:ab:cd:ef  192.0.2.10  192.0.2.10 as on VMware',
      '  Warning: The boot test does not include the TPM of the domain.',
      '  Screen:  /jobs/1/screen.png',
      '  Log:     /jobs/1/serial.log',
      '',
    ].join('\n'),
  );
  expect(stderr).toMatch(/Boot test of web-01\.xml[^]*a frame[^]*web-01\.xml: came up in 12\.3 s/);
});

test('a guest that does not come up is told with what was seen, and is exit code 16', async () => {
  const { stdout, stderr, exitCode } = await run(['web-01.xml'], () => Promise.resolve(FAILED));
  expect(exitCode).toBe(16);
  expect(stdout).toContain('web-01: did not come up: initramfs shell, with KVM');
  expect(stdout).toContain('Failed after 1m 11s: (initramfs)');
  expect(stdout).toContain(
    '  Failed units:\n    Failed to mount data.mount - /data.\n    Dependency failed for Local File Systems.\n',
  );
  expect(stdout).not.toContain('Sent by');
  expect(stdout).toContain('ALERT!  /dev/sda1 does not exist.');
  expect(stderr).toContain(
    'Error: web-01 did not come up: initramfs shell, after 1m 11s.\n  Look at /jobs/1/screen.png.',
  );
});

test('--json has the result beside the error', async () => {
  const { stdout, exitCode } = await run(['web-01.xml', '--json'], () => Promise.resolve(FAILED));
  expect(JSON.parse(stdout)).toMatchObject({ ok: false, exitCode: 16, result: FAILED, error: { kind: 'guest' } });
  expect(exitCode).toBe(16);
});

test('a test that cannot be made ends with its own code', async () => {
  const missing = new Hyper2kvmError('host', 'qemu-system-x86_64 is not installed.', { hint: 'Install it.' });
  const { stderr, exitCode } = await run(['web-01.xml'], () => Promise.reject(missing));
  expect(exitCode).toBe(17);
  expect(stderr).toContain('Error: qemu-system-x86_64 is not installed.');
});
