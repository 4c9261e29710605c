import { expect, test } from '@jest/globals';
import { Hyper2kvmError, InterruptedError } from '../../src/base/errors.ts';
import { ConvertCommand } from '../../src/commands/convert.ts';
import type { ConvertEvent, ConvertOptions, ConvertPlan, ConvertResult } from '../../src/operations/convert/types.ts';
import type { OperationContext } from '../../src/operations/operation-context.ts';
import { CONVERT_PLAN, CONVERTED, IMAGE } from '../cli/screen/convert-events.ts';
import { GIB } from '../cli/screen/export-events.ts';
import { runCommand, type CommandRun } from './run-command.ts';

type Convert = (options: ConvertOptions, context: OperationContext<ConvertEvent>) => Promise<ConvertResult>;

/** Runs `convert` with fake operations and records their options. */
async function run(
  argv: string[],
  convert: Convert = () => Promise.resolve(CONVERTED),
  plan: ConvertPlan = CONVERT_PLAN,
): Promise<CommandRun & { options: ConvertOptions | undefined }> {
  let options: ConvertOptions | undefined;
  class TestedCommand extends ConvertCommand {
    protected override operation() {
      return Promise.resolve({
        convert: (given: ConvertOptions, context: OperationContext<ConvertEvent>) =>
          convert((options = given), context),
        planConversion: (given: ConvertOptions) => {
          options = given;
          return Promise.resolve(plan);
        },
      });
    }
  }
  return { ...(await runCommand(TestedCommand, 'convert', argv)), options };
}

test('without flags it makes a qcow2 here, verified as the source needs it', async () => {
  expect((await run(['web.ova'])).options).toEqual({
    source: 'web.ova',
    mode: 0o600,
    manifest: false,
    output: undefined,
    encode: { format: 'qcow2', compression: undefined, clusterBytes: undefined },
    verify: undefined,
    disks: undefined,
    hardware: 'auto',
    kubevirt: false,
    guest: {
      fix: 'auto',
      keys: [],
      root: undefined,
      removeVmwareTools: false,
      serialConsole: false,
      noSystem: false,
      virtioWin: undefined,
      planOnly: false,
    },
    force: false,
    env: process.env,
  });
});

test('the flags reach the operation in its own units', async () => {
  const flags = ['--compress', 'web.ova', '-o', '/srv/', '--cluster-size=2M', '--no-verify', '--disk', '2', '--force'];
  const fixes = [
    '--fix',
    'require',
    '--key',
    '/dev/sda3:file:/root/a:b',
    '--key',
    'all:file:k',
    '--root',
    '/dev/sda2',
    '--remove-vmware-tools',
    '--virtio-win',
    '/srv/virtio-win.iso',
  ];
  expect((await run([...flags, ...fixes])).options).toEqual({
    source: 'web.ova',
    mode: 0o600,
    manifest: false,
    output: '/srv/',
    encode: { format: 'qcow2', compression: 'fast', clusterBytes: 2 * 1024 ** 2 },
    verify: false,
    disks: [2],
    hardware: 'auto',
    kubevirt: false,
    guest: {
      fix: 'require',
      keys: [
        { device: '/dev/sda3', keyFile: '/root/a:b' },
        { device: 'all', keyFile: 'k' },
      ],
      root: '/dev/sda2',
      removeVmwareTools: true,
      serialConsole: false,
      noSystem: false,
      virtioWin: '/srv/virtio-win.iso',
      planOnly: false,
    },
    force: true,
    env: process.env,
  });
});

test.each([
  [['--compress=careful'], { encode: { compression: 'careful' } }],
  [['--compress=zstd'], { encode: { compression: 'zstd' } }],
  [['--cluster-size=512'], { encode: { clusterBytes: 512 } }],
  [['--format=vmdk'], { encode: { format: 'vmdk', compression: undefined, clusterBytes: undefined } }],
  [['--input-format=raw'], { inputFormat: 'raw' }],
  [['--verify', '--format=raw'], { verify: true, encode: { format: 'raw' } }],
])('%j is taken', async (flags, wanted) => {
  expect((await run(['disk.vmdk', ...flags])).options).toMatchObject(wanted);
});

test.each([
  [[], 'hyper2kvm convert needs SOURCE.'],
  [['a', 'b'], 'Unexpected argument for hyper2kvm convert.'],
  [[''], 'SOURCE is empty.'],
  [['x', '-o', ''], '--output is empty.'],
  [['x', '--format=vhdx'], 'Expected --format=vhdx to be one of: qcow2, raw, vmdk.'],
  [['x', '--input-format=qcow2'], 'Expected --input-format=qcow2 to be one of: raw.'],
  [['x', '--compress', '--format=raw'], '--compress needs --format qcow2, not raw.'],
  [['x', '--compress', '--format=vmdk'], '--compress needs --format qcow2, not vmdk.'],
  [['x', '--compress=best'], '--compress must be one of fast, careful, zstd, not "best".'],
  [['x', '--cluster-size=64K', '--format=raw'], '--cluster-size needs --format qcow2, not raw.'],
  [['x', '--cluster-size=64K', '--format=vmdk'], '--cluster-size needs --format qcow2, not vmdk.'],
  [['x', '--cluster-size=63K'], '--cluster-size must be a power of two, not "63K".'],
  [['x', '--cluster-size=4M'], '--cluster-size must be a size from 512 to 2M, such as 64K, not "4M".'],
  [['x', '--cluster-size=256'], '--cluster-size must be a size from 512 to 2M, such as 64K, not "256".'],
  [['x', '--disk=0'], '--disk must be an integer from 1 to 9999, not "0".'],
  [['x', '--forse'], 'hyper2kvm convert has no flag --forse.'],
])('%j is a usage error in one sentence', async (argv, sentence) => {
  const { exitCode, stderr, stdout, options } = await run(argv);
  expect(exitCode).toBe(2);
  expect(stderr.split('\n')[0]).toBe(`Error: ${sentence}`);
  expect({ stdout, options }).toEqual({ stdout: '', options: undefined });
});

test('the summary goes to standard output, the events to standard error', async () => {
  const { stdout, stderr } = await run(['web-01.ova'], (_options, { report }) => {
    report({ type: 'disks', vm: 'web-01', disks: [{ disk: IMAGE, capacityBytes: GIB }] });
    return Promise.resolve(CONVERTED);
  });
  expect(stdout).toContain('virsh define /srv/vms/web-01.xml\n');
  expect(stderr).toMatch(/^\S+Z Converting web-01\.ova\n\S+Z web-01: 1 disk to convert/);
});

test('--json puts one document on standard output, with the warnings of the run', async () => {
  const { stdout } = await run(['web-01.ova', '--json'], (_options, { report }) => {
    report({ type: 'warning', vm: 'web-01', message: 'The CD-ROM image is left out.' });
    return Promise.resolve(CONVERTED);
  });
  const warnings = ['The CD-ROM image is left out.'];
  expect(JSON.parse(stdout)).toEqual({ schemaVersion: 1, ok: true, exitCode: 0, result: CONVERTED, warnings });
});

test('--quiet says nothing of a conversion that went well, and the error of one that did not', async () => {
  expect(await run(['disk.vmdk', '-q'])).toMatchObject({ stdout: '', stderr: '', exitCode: 0 });
  const cut = new Hyper2kvmError('image', 'disk.vmdk is cut at byte 4096.', { hint: 'Copy it again.' });
  const { stdout, stderr, exitCode } = await run(['disk.vmdk', '-q'], () => Promise.reject(cut));
  expect({ stdout, stderr }).toEqual({
    stdout: '',
    stderr: 'Error: disk.vmdk is cut at byte 4096.\n  Copy it again.\n',
  });
  expect(exitCode).toBe(13);
});

test('a signal aborts the operation, and its code wins over the error that follows', async () => {
  const { exitCode, stderr, stdout } = await run(['disk.vmdk', '--json'], async (_options, { signal }) => {
    process.emit('SIGTERM');
    expect(signal.reason).toEqual(new InterruptedError('SIGTERM'));
    await Promise.resolve();
    throw new Error('The worker has gone.');
  });
  expect(exitCode).toBe(143);
  expect(stderr).toContain('SIGTERM: cleaning up');
  expect(JSON.parse(stdout)).toMatchObject({ ok: false, error: { kind: 'interrupted' } });
});

test('a dry run shows its plan and converts nothing', async () => {
  const { exitCode, stdout, stderr } = await run(['web-01.ova', '--dry-run'], () =>
    Promise.reject(new Error('called')),
  );
  expect(stdout).toContain('Would write to /srv/vms: 4.0 GiB expected, 100 GiB free');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
});

test('a dry run with files in the way ends as the conversion would; one with little space only warns', async () => {
  const refusal = `/srv/vms/${IMAGE} exists: job 1 wrote it, which exported web-01.`;
  const taken = { ...CONVERT_PLAN, taken: [`/srv/vms/${IMAGE}`], refusal };
  const blocked = await run(['web-01.ova', '--dry-run'], undefined, taken);
  expect(blocked).toMatchObject({ exitCode: 14, stderr: '' });
  expect(blocked.stdout).toContain(`${IMAGE}  already exists`);
  expect(blocked.stdout).toContain(refusal);
  const document = await run(['web-01.ova', '--dry-run', '--json'], undefined, taken);
  expect(JSON.parse(document.stdout)).toMatchObject({
    ok: false,
    error: { kind: 'local-file', message: refusal },
    result: { taken: [`/srv/vms/${IMAGE}`] },
  });
  const small = await run(['web-01.ova', '--dry-run'], undefined, { ...CONVERT_PLAN, freeBytes: GIB });
  expect(small).toMatchObject({ exitCode: 0, stderr: 'Warning: There may not be enough free space.\n' });
});

test('--boot-test boots the result; a guest that does not come up is exit code 16, and the images stay', async () => {
  const bootTest: NonNullable<ConvertResult['bootTest']> = {
    target: '/srv/web-01.xml',
    name: 'web-01',
    verdict: 'no-sign',
    networkUp: false,
    seconds: 300,
    accelerator: 'kvm',
    firmware: 'bios',
    loginPromptSeconds: null,
    guestAgentSeconds: null,
    nics: [],
    restarts: 0,
    failedUnits: [],
    lastLines: [],
    picture: null,
    serialLog: '/jobs/1/serial.log',
    job: '1',
    warnings: [],
    problem: { message: 'web-01 gave no sign of life in 5m 00s.', hint: 'Look at /jobs/1/serial.log.' },
  };
  const failed = await run(['web.ova', '--boot-test'], () => Promise.resolve({ ...CONVERTED, bootTest }));
  expect(failed).toMatchObject({ exitCode: 16, options: { bootTest: { env: process.env } } });
  expect(failed.stdout).toContain('web-01: no sign of life in 5m 00s, with KVM');
  expect(failed.stderr).toContain('The images are kept. Look at /jobs/1/serial.log.');
  const { problem: _problem, ...booted } = bootTest;
  const came = { ...CONVERTED, bootTest: { ...booted, verdict: 'booted' as const, loginPromptSeconds: 9 } };
  expect((await run(['web.ova', '--boot-test'], () => Promise.resolve(came))).exitCode).toBe(0);
});

test.each([
  [['--define'], { define: 'qemu:///system', networks: undefined }],
  [
    ['--define=test:///default', '--network', 'br0'],
    { define: 'test:///default', networks: { all: 'br0', of: new Map() } },
  ],
  [
    [
      '-b',
      'br0',
      '--bridge',
      'VM: x:br1',
      '--mac=00:50:56:AB:cd:EF:network:dmz=1',
      '--mac',
      '00:50:56:00:00:01:bridge:br2',
    ],
    {
      networks: {
        all: undefined,
        of: new Map(),
        bridges: { all: 'br0', of: new Map([['VM: x', 'br1']]) },
        macs: new Map<string, unknown>([
          ['00:50:56:ab:cd:ef', { network: 'dmz=1' }],
          ['00:50:56:00:00:01', { bridge: 'br2' }],
        ]),
      },
    },
  ],
  [
    ['--network', 'VM Network=br0', '--network=a=b=br1'],
    {
      networks: {
        all: undefined,
        of: new Map([
          ['VM Network', 'br0'],
          ['a=b', 'br1'],
        ]),
      },
    },
  ],
])('the domain’s place: %j', async (flags, expected) => {
  expect((await run([...flags, 'web.ova'])).options).toMatchObject({ source: 'web.ova', ...expected });
});

test.each([
  [['--network', 'a='], '--network must be NAME or SOURCE=NAME, not "a=".'],
  [['--network', ''], '--network must be NAME or SOURCE=NAME, not "".'],
  [['--network', 'a', '--network', 'b'], '--network is given twice for all networks.'],
  [['--network', 'x=a', '--network', 'x=b'], '--network is given twice for x.'],
  [['-b', 'a', '-b', 'b'], '--bridge is given twice for all networks.'],
  [['-b', 'a b'], '--bridge must be BRIDGE or SOURCE:BRIDGE, where BRIDGE is the name of a Linux bridge, not "a b".'],
  [['--network', 'a', '--bridge', 'b'], '--network and --bridge are both given for all networks.'],
  [['--network', 'x=a', '--bridge', 'x:b'], '--network and --bridge are both given for x.'],
  [['--mac', '00:50:56:00:00:01'], '--mac must be MAC:network:NAME or MAC:bridge:NAME, not "00:50:56:00:00:01".'],
  [
    ['--mac', '00:50:56:00:00:01:network:a', '--mac', '00:50:56:00:00:01:bridge:b'],
    '--mac is given twice for 00:50:56:00:00:01.',
  ],
  [['--kubevirt', '-b', 'br0'], '--bridge cannot be used with --kubevirt, which knows no bridges of a host.'],
  [
    ['--kubevirt', '--mac', '00:50:56:00:00:01:bridge:b'],
    '--mac MAC:bridge:NAME cannot be used with --kubevirt, which knows no bridges of a host.',
  ],
  [['--define='], '--define= has no URI.'],
  [['--kubevirt', '--define'], '--define cannot be used with --kubevirt: it needs a libvirt domain.'],
  [['--kubevirt', '--boot-test'], '--boot-test cannot be used with --kubevirt: it needs a libvirt domain.'],
  [['--kubevirt', '--format=vmdk'], '--kubevirt cannot be used with --format vmdk: KubeVirt does not run VMDK images.'],
])('%j is a usage error', async (flags, sentence) => {
  const { exitCode, stderr } = await run([...flags, 'web.ova']);
  expect([exitCode, stderr.split('\n')[0]]).toEqual([2, `Error: ${sentence}`]);
});

test('--fix-plan asks for a plan, which has to be there', async () => {
  expect((await run(['web.ova', '--fix-plan'])).options?.guest).toMatchObject({ fix: 'require', planOnly: true });
});

test.each([
  [['--key', '/dev/sda3:key:hunter2'], '--key must be DEVICE:file:PATH.'],
  [['--key', 'sda3:file:/x'], '--key must be DEVICE:file:PATH.'],
  [['--fix', 'off', '--fix-plan'], '--fix-plan has no effect with --fix off.'],
  [['--fix', 'off', '--root', '/dev/sda1'], '--root has no effect with --fix off.'],
  [['--fix', 'off', '--virtio-win', 'w.iso'], '--virtio-win has no effect with --fix off.'],
  [['--virtio-win='], '--virtio-win is empty.'],
])('flags of the fix that make no sense are refused, and no passphrase is repeated: %j', async (flags, sentence) => {
  const { exitCode, stderr } = await run(['web.ova', ...flags]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain(sentence);
  expect(stderr).not.toContain('hunter2');
});
