import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { Hyper2kvmError, InterruptedError } from '../../src/base/errors.ts';
import { ExportCommand } from '../../src/commands/export.ts';
import { describeFailure } from '../../src/operations/export/run/export-outcome.ts';
import { totalsOf } from '../../src/operations/export/run/plan-exports.ts';
import type {
  DryRunResult,
  ExportEvent,
  ExportOptions,
  ExportPlan,
  ExportResult,
  OperationContext,
} from '../../src/operations/export/types.ts';
import type { ConnectionSettings } from '../../src/vsphere/connection/connection-settings.ts';
import { RESULT, vmStarted } from '../cli/screen/export-events.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import { CONNECTION, runCommand, type CommandRun } from './run-command.ts';

type Operation<Result> = (options: ExportOptions, context: OperationContext<ExportEvent>) => Promise<Result>;

const DONE: ExportResult = { job: 'job-1', state: 'done', exported: [RESULT], skipped: [], failed: [] };
const BROKEN = new Hyper2kvmError('transfer', 'The lease broke.', { hint: 'Try again.' });

const BOOTED: NonNullable<ExportResult['exported'][number]['bootTest']> = {
  target: '/srv/vms/web-01/web-01.xml',
  name: 'web-01',
  verdict: 'booted',
  networkUp: false,
  seconds: 40,
  accelerator: 'tcg',
  firmware: 'bios',
  loginPromptSeconds: 12,
  guestAgentSeconds: null,
  nics: [
    {
      mac: '00:50:56:8a:01:01',
      model: 'virtio',
      firstFrameSeconds: null,
      sent: { dhcp: false, addresses: [], arpTargets: [] },
      configured: null,
      address: { verdict: 'not-compared', expected: [], isDifferent: false, words: 'silent' },
    },
  ],
  restarts: 0,
  failedUnits: [],
  lastLines: [],
  picture: null,
  serialLog: '/jobs/1/serial.log',
  job: 'job-2',
  warnings: [],
};

const dryRun = (plans: ExportPlan[]) => ({ plans, skipped: [], failed: [], totals: totalsOf(plans) });

/** Runs `export` with fake operations and records their options. */
async function run(
  argv: string[],
  exportVms: Operation<ExportResult> = () => Promise.resolve(DONE),
  planExports: Operation<DryRunResult> = () => Promise.resolve(dryRun([])),
): Promise<CommandRun & { options: ExportOptions | undefined }> {
  let options: ExportOptions | undefined;
  class TestedCommand extends ExportCommand {
    protected override connection(): Promise<ConnectionSettings> {
      return Promise.resolve(CONNECTION);
    }
    protected override exportOperation() {
      return Promise.resolve({
        exportVms: (given: ExportOptions, context: OperationContext<ExportEvent>) =>
          exportVms((options = given), context),
      });
    }
    protected override planOperation() {
      return Promise.resolve({
        planExports: (given: ExportOptions, context: OperationContext<ExportEvent>) =>
          planExports((options = given), context),
      });
    }
  }
  return { ...(await runCommand(TestedCommand, 'export', argv)), options };
}

function failing(vms: Record<string, unknown>, exported = 0): Operation<ExportResult> {
  return (_options, { report }) => {
    const failed = Object.entries(vms).map(([vm, error]) => {
      report(vmStarted(vm));
      report({ type: 'vm-failed', vm, error });
      return describeFailure(vm, error);
    });
    const state = exported > 0 ? 'partial' : 'failed';
    return Promise.resolve({
      job: 'job-1',
      state,
      exported: Array.from({ length: exported }, () => RESULT),
      skipped: [],
      failed,
    });
  };
}

test('the flags reach the operation in its own units', async () => {
  const { options, exitCode } = await run([
    'web-01',
    '--shutdown',
    'web-02',
    '--restart',
    '-o',
    '/srv',
    '--format=ova',
    '--limit-rate',
    '50M',
    '--stall-timeout=2m',
    '--retries=0',
  ]);
  expect(exitCode).toBe(0);
  expect(options).toMatchObject({
    vms: ['web-01', 'web-02'],
    output: '/srv',
    encode: { format: 'ova' },
    power: { kind: 'shutdown', limitMinutes: 5, forcePowerOff: false, restart: true },
    parallel: 2,
    limitRateBytes: 50 * 1024 ** 2,
    firstByteTimeoutMs: 300_000,
    stallTimeoutMs: 120_000,
    retries: 0,
    force: false,
  });
});

test('--shutdown takes its minutes behind an equals sign', async () => {
  const { options } = await run(['web-01', '--shutdown=10', '--force-power-off']);
  expect(options?.power).toEqual({ kind: 'shutdown', limitMinutes: 10, forcePowerOff: true, restart: false });
});

test.each(['10m', '600s', '10'])('--shutdown=%s is ten minutes', async (value) => {
  const { options } = await run(['web-01', `--shutdown=${value}`]);
  expect(options?.power).toMatchObject({ kind: 'shutdown', limitMinutes: 10 });
});

test.each([
  [['--shutdown', '10'], '--shutdown=10'],
  [['--shutdown', '10m'], '--shutdown=10m'],
  [['--format=qcow2', '--compress', 'zstd'], '--compress=zstd'],
  [['--format=qcow2', '--define', 'qemu+ssh://host/system'], '--define=qemu+ssh://host/system'],
])('%j is refused and names the form that is meant', async (flags, form) => {
  const { options, exitCode, stderr } = await run(['db-01', ...flags]);
  expect(options).toBeUndefined();
  expect(exitCode).toBe(2);
  expect(stderr).toContain(`Write ${form} for the value.`);
});

test.each([
  [[], undefined],
  [['--compress'], 'fast'],
  [['--compress=zstd'], 'zstd'],
])('into qcow2 with %j', async (flags, compression) => {
  const { options } = await run(['web-01', '--format=qcow2', ...flags]);
  expect(options).toMatchObject({ vms: ['web-01'], encode: { format: 'qcow2', compression } });
});

test('what is done to the guest and how it is proved reach the operation', async () => {
  const plain = await run(['web-01', '--format=qcow2']);
  expect(plain.options).toMatchObject({ guest: { fix: 'auto', planOnly: false }, bootTest: false });
  const key = ['--key', 'all:file:/root/k'];
  const domain = ['--define', '--network=br0'];
  const { options } = await run(['web-01', '--format=raw', '--fix=require', '--boot-test', ...key, ...domain]);
  expect(options).toMatchObject({
    guest: { fix: 'require', keys: [{ device: 'all', keyFile: '/root/k' }], removeVmwareTools: false },
    bootTest: true,
    define: 'qemu:///system',
    networks: { all: 'br0' },
    vms: ['web-01'],
  });
});

test.each([
  [1, 'web-01 came up, but nothing was heard.'],
  [2, '2 of 2 VMs did not come up in the boot test: web-01, web-01.'],
])('of %i VMs that did not come up the exit code is 16, and the images stay', async (count, sentence) => {
  const bootTest = { ...BOOTED, problem: { message: 'web-01 came up, but nothing was heard.', hint: 'Look at it.' } };
  const exported = Array.from({ length: count }, () => ({ ...RESULT, bootTest }));
  const failed = await run(['web-01', '--format=qcow2', '--boot-test'], () => Promise.resolve({ ...DONE, exported }));
  expect(failed.exitCode).toBe(16);
  expect(failed.stderr).toContain(sentence);
  expect(failed.stderr).toMatch(/images are kept/);
  expect(failed.stdout).toContain('network silent');
  const booted = { ...DONE, exported: [{ ...RESULT, bootTest: BOOTED }] };
  expect((await run(['web-01', '--format=qcow2', '--boot-test'], () => Promise.resolve(booted))).exitCode).toBe(0);
});

test('a name that begins with a dash follows --', async () => {
  expect((await run(['--', '-web', '--json'])).options?.vms).toEqual(['-web', '--json']);
});

test('VMs come from a file too, without its comments', async () => {
  const file = join(await makeTemporaryFolder('hyper2kvm-vms-'), 'vms.txt');
  writeFileSync(file, '\uFEFF# all of them\r\nweb-02\r\n\n  db #1  \n');
  expect((await run(['web-01', '--from-file', file])).options?.vms).toEqual(['web-01', 'web-02', 'db #1']);
});

test.each([
  [[], 'No VM is given.'],
  [['x', '--snapshot', '--shutdown'], '--snapshot and --shutdown are mutually exclusive.'],
  [
    ['x', '--from-snapshot', 's', '--snapshot', '--shutdown=3'],
    '--snapshot and --from-snapshot and --shutdown are mutually exclusive.',
  ],
  [['x', '--quiesce'], '--quiesce needs --snapshot.'],
  [['x', '--restart'], '--restart needs --shutdown.'],
  [['x', '--force-power-off', '--snapshot'], '--force-power-off needs --shutdown.'],
  [['x', '--shutdown=soon'], '--shutdown must be a time from 1s to 24h, such as 90s, 10m or 1m30s, not "soon".'],
  [['x', '--parallel=0'], '--parallel-disks must be an integer from 1 to 16, not "0".'],
  [['x', '--jobs=17'], '--parallel-vms must be an integer from 1 to 16, not "17".'],
  [
    ['x', '--jobs=8', '--parallel=8'],
    '--parallel-vms 8 with --parallel-disks 8 would be 64 downloads at once; the maximum is 32.',
  ],
  [['x', '--skip-existing', '--keep=2'], '--skip-existing and --keep are mutually exclusive.'],
  [['x', '--shard=4/4'], 'Invalid share in --shard 4/4: it must be INDEX/COUNT, with INDEX from 0 to COUNT - 1.'],
  [['x', '--format=vhd'], 'Expected --format=vhd to be one of: ovf, ova, vmdk, qcow2, raw.'],
  [['x', '--compress'], '--compress needs --format qcow2, not ovf.'],
  [['x', '--compress', '--format=raw'], '--compress needs --format qcow2, not raw.'],
  [['x', '--compress=gzip', '--format=qcow2'], '--compress must be one of fast, careful, zstd, not "gzip".'],
  [['x', '--kubevirt'], '--kubevirt cannot be used with --format ovf, which writes no domain.'],
  [['x', '--define'], '--define cannot be used with --format ovf, which writes no domain.'],
  [['x', '--network=br0', '--format=vmdk'], '--network cannot be used with --format vmdk, which writes no domain.'],
  [['x', '--fix=require'], '--fix cannot be used with --format ovf: it applies to images only.'],
  [
    ['x', '--virtio-win=w.iso', '--format=ova'],
    '--virtio-win cannot be used with --format ova: it applies to images only.',
  ],
  [['x', '--boot-test', '--format=ova'], '--boot-test cannot be used with --format ova: it applies to images only.'],
  [
    ['x', '--fix-plan', '--format=raw'],
    '--fix-plan is not supported by export: it would download all disks and keep none of them.',
  ],
  [['x', '--fix=off', '--root=/dev/sda1', '--format=raw'], '--root has no effect with --fix off.'],
  [['x', '--keep=0'], '--keep must be an integer from 1 to 10000, not "0".'],
  [['x', '--keep=2', '--define', '--format=qcow2'], '--keep and --define are mutually exclusive.'],
  [['x', '--if-changed', '--skip-existing'], '--if-changed and --skip-existing are mutually exclusive.'],
  [['x', '--snapshoot'], 'hyper2kvm export has no flag --snapshoot.'],
  [['x', '--from-file=-', '--password-file=-'], '--from-file and --password-file cannot both read standard input.'],
])('%j is a usage error in one sentence', async (argv, sentence) => {
  const { exitCode, stderr, stdout } = await run(argv);
  expect(exitCode).toBe(2);
  expect(stderr.split('\n')[0]).toBe(`Error: ${sentence}`);
  expect(stdout).toBe('');
});

test('the summary goes to standard output, the events to standard error', async () => {
  const { stdout, stderr } = await run(['web-01'], (_options, { report }) => {
    report(vmStarted());
    return Promise.resolve(DONE);
  });
  expect(stdout).toContain('Exported web-01 to /srv/vms/web-01');
  expect(stderr).toMatch(/^\S+Z web-01: exporting/);
});

test('--json puts one document on standard output, with the warnings of the run', async () => {
  const { stdout } = await run(['web-01', '--json'], (_options, { report }) => {
    report({ type: 'warning', vm: 'web-01', message: 'An ISO image is left out.' });
    return Promise.resolve(DONE);
  });
  expect(JSON.parse(stdout)).toEqual({
    schemaVersion: 1,
    ok: true,
    exitCode: 0,
    result: DONE,
    warnings: ['An ISO image is left out.'],
  });
});

test('a lone VM that failed gives the exit code of its own error, which is told once', async () => {
  const { exitCode, stderr } = await run(['web-01'], failing({ 'web-01': BROKEN }));
  expect(exitCode).toBe(12);
  expect(stderr.match(/The lease broke/g)).toHaveLength(1);
});

test('some VMs of several: exit code 3, and the document has result and error', async () => {
  const { exitCode, stdout } = await run(['web-*', '--json'], failing({ 'web-02': BROKEN }, 1));
  expect(exitCode).toBe(3);
  expect(JSON.parse(stdout)).toMatchObject({
    ok: false,
    exitCode: 3,
    error: { kind: 'partial', message: '1 of 2 VMs was not exported.' },
    result: { state: 'partial' },
  });
});

test('none of several: the exit code that all share, else 3', async () => {
  const trust = new Hyper2kvmError('tls-trust', 'Refused.');
  expect((await run(['a', 'b'], failing({ a: BROKEN, b: BROKEN }))).exitCode).toBe(12);
  expect((await run(['a', 'b'], failing({ a: BROKEN, b: trust }))).exitCode).toBe(3);
});

test('--quiet says nothing of an export that went well, and the error of one that did not', async () => {
  expect(await run(['web-01', '--quiet'])).toMatchObject({ stdout: '', stderr: '', exitCode: 0 });
  const { stderr, stdout } = await run(['web-01', '-q'], failing({ 'web-01': BROKEN }));
  expect(stderr).toBe('web-01: Error: The lease broke.\n  Try again.\n');
  expect(stdout).toBe('');
});

test('a signal aborts the operation, and its code wins over the error of the clean-up', async () => {
  const { exitCode, stderr, stdout } = await run(['web-01', '--json'], async (_options, { signal }) => {
    process.emit('SIGTERM');
    expect(signal.reason).toEqual(new InterruptedError('SIGTERM'));
    await Promise.resolve();
    throw new Hyper2kvmError('transfer', 'The snapshot hyper2kvm-1 is left on web-01.');
  });
  expect(exitCode).toBe(143);
  expect(stderr).toContain('cleaning up');
  expect(JSON.parse(stdout)).toMatchObject({
    ok: false,
    error: {
      kind: 'interrupted',
      message: 'Interrupted by SIGTERM.',
      hint: 'The snapshot hyper2kvm-1 is left on web-01.',
    },
  });
});

test('an internal error shows no stack, but how to get one', async () => {
  const { exitCode, stderr } = await run(['web-01'], () => Promise.reject(new TypeError('x is not a function')));
  expect(exitCode).toBe(1);
  expect(stderr).toContain('Error: x is not a function\n');
  expect(stderr).toContain('HYPER2KVM_DEBUG=1');
  expect(stderr).not.toContain('    at ');
});

test('no password leaves the program, be it in a URL or behind a flag that does not exist', async () => {
  const leak = new Hyper2kvmError('transfer', 'https://joe:geheim@vc/sdk did not answer.');
  for (const flags of [[], ['--json']]) {
    const url = await run(['x', '--url=https://joe:geheim@vc', ...flags], () => Promise.reject(leak));
    const flag = await run(['x', '--password', 'geheim', '--pasword=geheim', ...flags]);
    const wrong = await run(['x', '--format', 'https://joe:geheim@vc', ...flags]);
    for (const { stdout, stderr } of [url, flag, wrong]) expect(stdout + stderr).not.toContain('geheim');
    expect(flag.exitCode).toBe(2);
  }
});

test('a dry run shows its plan, and an error among the findings decides the exit code', async () => {
  const plan = {
    vm: 'web-01',
    moRef: 'vm-42',
    inventoryPath: '/DC0/vm/web-01',
    powerState: 'poweredOff',
    guest: 'Debian',
    format: 'ovf' as const,
    output: '/srv',
    disks: [],
    files: ['web-01.ovf'],
    expectedBytes: 1,
    freeBytes: 2,
    findings: [{ level: 'error' as const, check: 'disks', detail: 'Hard disk 2 is an RDM' }],
  };
  const { exitCode, stdout, stderr } = await run(['web-01', '--dry-run'], undefined, () =>
    Promise.resolve(dryRun([plan])),
  );
  expect(exitCode).toBe(13);
  expect(stdout).toContain('error  disks  Hard disk 2 is an RDM');
  expect(stderr).toBe('');
  const space = {
    ...plan,
    findings: [{ level: 'error' as const, check: 'free space', detail: 'too little', kind: 'local-file' as const }],
  };
  expect((await run(['web-01', '--dry-run'], undefined, () => Promise.resolve(dryRun([space])))).exitCode).toBe(14);
});
