import { expect, test } from '@jest/globals';
import { exportSummary } from '../../../src/cli/report/export/export-summary.ts';
import { planReport } from '../../../src/cli/report/plan-report.ts';
import { jobReport, statusReport } from '../../../src/cli/report/status-report.ts';
import { vmListReport } from '../../../src/cli/report/vm-list-report.ts';
import { plainPaint } from '../../../src/cli/text/color.ts';
import type { Look } from '../../../src/cli/text/look.ts';
import { textWidth } from '../../../src/cli/text/text-width.ts';
import type { JobView } from '../../../src/jobs/job-record.ts';
import { totalsOf } from '../../../src/operations/export/run/plan-exports.ts';
import type {
  ExportPlan,
  ExportResult,
  VmExportFailure,
  VmExportResult,
} from '../../../src/operations/export/types.ts';
import { GIB, RESULT } from '../screen/export-events.ts';

const JOB: JobView = {
  id: '20261122T140102Z-export-1a2b3c4d',
  kind: 'export',
  state: 'partial',
  request: { server: 'vc.example.com:443', vms: ['web-*'], format: 'ovf', output: '/srv/vms' },
  startedAt: '2026-11-22T14:01:02.000Z',
  endedAt: '2026-11-22T14:02:07.000Z',
  process: { pid: 4711, hostname: 'backup', startTicks: null, bootId: null },
  transferredBytes: 3 * GIB,
  files: [{ path: '/srv/vms/web-01/web-01.ovf', sizeBytes: 9000, sha256: 'ab'.repeat(32) }],
  vms: [
    { vm: 'web-01', state: 'done' },
    {
      vm: 'web-02',
      state: 'failed',
      error: { kind: 'transfer', message: 'The lease broke.' },
      leftBehind: ['The snapshot hyper2kvm-1 of web-02.'],
    },
  ],
  file: '/home/joe/.local/state/hyper2kvm/jobs/20261122T140102Z-export-1a2b3c4d.json',
};

const PLAN: ExportPlan = {
  vm: 'web-01',
  moRef: 'vm-42',
  inventoryPath: '/DC0/vm/web-01',
  powerState: 'poweredOn',
  guest: 'Debian GNU/Linux 12',
  format: 'ovf',
  output: '/srv/vms/web-01',
  disks: [
    {
      disk: 'web-01-disk-1.vmdk',
      label: 'Hard disk 1',
      datastoreFile: '[ds] web-01/web-01.vmdk',
      capacityBytes: 10 * GIB,
      expectedBytes: 4 * GIB,
    },
  ],
  files: ['web-01.ovf', 'web-01-disk-1.vmdk', 'web-01.mf'],
  expectedBytes: 4 * GIB,
  freeBytes: 100 * GIB,
  findings: [
    { level: 'ok', check: 'free space', detail: '4.0 GiB expected' },
    { level: 'error', check: 'power state', detail: 'the VM is powered on', hint: 'Give --snapshot or --shutdown.' },
  ],
};

const look = (width?: number): Look => ({ width, paint: plainPaint });
const only = (exported: VmExportResult): ExportResult => ({
  job: JOB.id,
  state: 'done',
  exported: [exported],
  skipped: [],
  failed: [],
});

function failure(
  vm: string,
  {
    message = 'x',
    hint,
    ...rest
  }: { message?: string; hint?: string; leftBehind?: string[]; keptForNextRun?: string[] } = {},
): VmExportFailure {
  const error = { kind: 'transfer' as const, message, ...(hint === undefined ? {} : { hint }) };
  return { vm, error, leftBehind: [], keptForNextRun: [], ...rest };
}

const dryRun = (plans: ExportPlan[]) => ({ plans, skipped: [], failed: [], totals: totalsOf(plans) });

test('a dry run of several VMs shows a hint once, says what would be written only of VMs that can be exported, and totals those', () => {
  const good: ExportPlan = { ...PLAN, vm: 'db-01', freeBytes: 3 * GIB, findings: [] };
  const lines = planReport(dryRun([PLAN, { ...PLAN, vm: 'web-02' }, good]), undefined);
  expect(lines.filter((line) => line.includes('Give --snapshot or --shutdown.'))).toHaveLength(1);
  expect(lines.filter((line) => line.startsWith('Would write'))).toEqual([
    'Would write nothing: web-01 cannot be exported.',
    'Would write nothing: web-02 cannot be exported.',
    'Would write ovf to /srv/vms/web-01: 4.0 GiB expected, 3.0 GiB free',
  ]);
  expect(lines.slice(-2)).toEqual([
    'Total: 1 of 3 VMs would be exported, 1 disk, 10.0 GiB capacity: 4.0 GiB expected, 3.0 GiB free',
    'Together they may need more than is free.',
  ]);
});

test('the summary of an export names the folder, the files with their sizes, duration, rate and the next step', () => {
  const lines = exportSummary(only(RESULT), look());
  expect(lines).toEqual([
    'Exported web-01 to /srv/vms/web-01',
    '  FILE                   SIZE',
    '  web-01-disk-1.vmdk  3.0 GiB',
    '  web-01.mf             200 B',
    '  3.0 GiB fetched in 1m 05s, 47.3 MiB/s',
    '  To check the files later:',
    '    cd /srv/vms/web-01 && sha256sum --check web-01.mf',
    'Details: hyper2kvm status --job 20261122T140102Z-export-1a2b3c4d',
  ]);
});

test('the rate is that of the fetch, without the time of a fix', () => {
  const lines = exportSummary(only({ ...RESULT, fetchSeconds: 30, seconds: 823 }), look());
  expect(lines).toContain('  3.0 GiB fetched in 30s, 102 MiB/s; 13m 43s in all');
});

test('the summary names the disk of the VM that each file came from', () => {
  const disk = { label: 'Hard disk 1', datastoreFile: '[ds] web-01/web-01.vmdk', capacityBytes: 10 * GIB };
  const disks = [{ ...disk, file: 'web-01-disk-1.vmdk' }];
  expect(exportSummary(only({ ...RESULT, disks }), look(80))).toContain(
    '  web-01-disk-1.vmdk  3.0 GiB  Hard disk 1, [ds] web-01/web-01.vmdk',
  );
  const files = [{ path: '/srv/vms/web-01.ova', sizeBytes: GIB }];
  expect(exportSummary(only({ ...RESULT, disks, files }), look(80))).toContain(
    '  web-01-disk-1.vmdk: Hard disk 1, [ds] web-01/web-01.vmdk',
  );
});

test('the summary contains kept disks, warnings, a guest that was not quiesced, and what is left behind', () => {
  const exported = { ...RESULT, keptDisks: ['a.vmdk'], warnings: ['An ISO image is left out.'], quiesced: false };
  const failed = [failure('web-02', { leftBehind: ['The snapshot s.'] })];
  for (const result of [only(exported), { ...only(exported), state: 'partial' as const, failed }]) {
    const text = exportSummary(result, look(80)).join('\n');
    expect(text).toContain('1 disk kept from an earlier run: a.vmdk');
    expect(text).toContain('Guest quiesced for the snapshot: no');
    expect(text).toContain('Warning: An ISO image is left out.');
    expect(text.includes('Left behind: The snapshot s.')).toBe(result.failed.length > 0);
  }
});

test('after a failure the summary says how to go on, and which disks the next run keeps', () => {
  const none = { job: 'j', state: 'failed' as const, exported: [], skipped: [] };
  const kept = [
    failure('web', { keptForNextRun: ['web-disk-1.vmdk'] }),
    failure('db', { keptForNextRun: ['db-disk-3.vmdk'] }),
  ];
  expect(exportSummary({ ...none, failed: kept }, look(80))).toContain(
    'To resume, run the same command again; it keeps web-disk-1.vmdk, db-disk-3.vmdk.',
  );
  expect(exportSummary({ ...none, failed: kept.slice(0, 1) }, look(80))).toEqual([
    'To resume, run the same command again; it keeps web-disk-1.vmdk.',
    'Details: hyper2kvm status --job j',
  ]);
  expect(exportSummary({ ...none, exported: [RESULT], failed: [failure('web-02')] }, look(80))).toContain(
    'To export the rest, run the same command with --skip-existing.',
  );
  expect(exportSummary({ ...none, failed: [failure('web')] }, look(80))).toEqual(['Details: hyper2kvm status --job j']);
});

const SKIPPED = {
  vm: 'web-02',
  moRef: 'vm-43',
  inventoryPath: '/DC0/vm/web-02',
  reason: 'already-whole' as const,
  format: 'ovf' as const,
  output: '/srv/vms/web-02',
  files: [{ path: '/srv/vms/web-02/web-02.ova', sizeBytes: GIB }],
  exportedAt: '2026-11-22T14:03:00.000Z',
};

const SEVERAL = {
  job: 'j',
  state: 'partial' as const,
  exported: [RESULT],
  skipped: [SKIPPED],
  failed: [
    failure('web-03', { message: 'The lease broke.', hint: 'Run it again.' }),
    failure('web-04', { message: 'The disk is locked.', hint: 'Run it again.' }),
  ],
  seconds: 130,
};

const TOTALS = [
  '',
  'Run it again.',
  '',
  '1 exported, 1 kept, 2 failed, 3.0 GiB fetched in 2m 10s, 23.6 MiB/s',
  'To check the files later, in each folder: sha256sum --check *.mf',
  'To export the rest, run the same command with --skip-existing.',
  'Details: hyper2kvm status --job j',
];

test('several VMs have a row each, with the path in a column where it fits', () => {
  expect(exportSummary(SEVERAL, look(120))).toEqual([
    'VM      RESULT       SIZE    TIME        RATE  PATH',
    'web-01  exported  3.0 GiB  1m 05s  47.3 MiB/s  /srv/vms/web-01',
    'web-02  kept      1.0 GiB                      /srv/vms/web-02',
    'web-03  failed',
    '  The lease broke.',
    'web-04  failed',
    '  The disk is locked.',
    ...TOTALS,
  ]);
});

test.each([
  [
    60,
    [
      'VM      RESULT       SIZE    TIME        RATE',
      'web-01  exported  3.0 GiB  1m 05s  47.3 MiB/s',
      '  /srv/vms/web-01',
    ],
  ],
  [40, ['VM      RESULT       SIZE    TIME', 'web-01  exported  3.0 GiB  1m 05s', '  /srv/vms/web-01']],
])('at %i columns the path is below its row', (width, start) => {
  expect(exportSummary(SEVERAL, look(width)).slice(0, start.length)).toEqual(start);
});

test('the notes of several VMs are there once, with the names of their VMs', () => {
  const warned = (vm: string, ...warnings: string[]) => ({ ...RESULT, vm, warnings });
  const exported = [
    warned('a', 'An ISO image.', 'No NVRAM.'),
    warned('b', 'An ISO image.'),
    warned('c', 'An ISO image.'),
  ];
  const lines = exportSummary({ job: 'j', state: 'done', exported, skipped: [], failed: [] }, look(80));
  expect(lines.filter((line) => line.includes('Warning'))).toEqual(['Warning: An ISO image.', 'a: Warning: No NVRAM.']);
  const many = Array.from({ length: 9 }, (_, index) => warned(`vm-${index}`, ...(index > 0 ? ['An ISO image.'] : [])));
  expect(exportSummary({ job: 'j', state: 'done', exported: many, skipped: [], failed: [] }, look(80))).toContain(
    'vm-1, vm-2, vm-3, 5 more VMs: Warning: An ISO image.',
  );
});

test('states and the word that begins a warning have colors, and a table its heading', () => {
  const lines = exportSummary(SEVERAL, { width: 120, paint: (role, text) => `<${role}>${text}</>` });
  expect(lines[0]).toBe('<heading>VM      RESULT       SIZE    TIME        RATE  PATH</>');
  expect(lines[1]).toMatch(/^web-01 {2}<ok>exported<\/> {2}3\.0 GiB/);
  expect(lines[3]).toBe('web-03  <error>failed</>');
});

test('an export shows why it was made, and its generations; a VM that was skipped, where its export is', () => {
  const generations = { kept: ['20261122T011502Z', '20261121T011502Z'], removed: ['20261120T011502Z'] };
  const lines = exportSummary(only({ ...RESULT, generations, changed: 'its configuration was changed' }), look(80));
  expect(lines).toContain('  Why exported: its configuration was changed');
  expect(lines).toContain('  Generation 20261122T011502Z, with 20261121T011502Z before it; removed 20261120T011502Z');
  const skipped = [{ ...SKIPPED, reason: 'unchanged' as const }];
  expect(exportSummary({ job: 'j', state: 'done', exported: [], skipped, failed: [] }, look(80))).toEqual([
    'web-02: unchanged since its export of 2026-11-22 14:03 UTC, skipped',
    '  /srv/vms/web-02',
    'Details: hyper2kvm status --job j',
  ]);
});

test('an empty share says so', () => {
  const share = { index: 3, count: 4, vms: 0, ofVms: 2 };
  expect(exportSummary({ job: 'j', state: 'done', exported: [], skipped: [], failed: [], share }, look(80))[0]).toBe(
    'Shard 3/4, 0 of 2 VMs: 0 exported, 0 B fetched',
  );
});

test('after an export to images the next step is to define the domain, since there is no manifest', () => {
  const exported = {
    ...RESULT,
    format: 'qcow2' as const,
    output: '/srv/my vms',
    files: [
      { path: '/srv/my vms/web-01-disk-1.qcow2', sizeBytes: GIB },
      { path: '/srv/my vms/web-01.xml', sizeBytes: 2000 },
    ],
  };
  const lines = exportSummary(only(exported), look(80));
  expect(lines).toContain("    virsh define '/srv/my vms/web-01.xml'");
  expect(lines.join('\n')).not.toContain('sha256sum');
  const several = exportSummary({ ...only(exported), exported: [exported, { ...exported, vm: 'web-02' }] }, look(80));
  expect(several).toContain('To make them VMs of this host, for each .xml file: virsh define FILE');
});

test('a folder with spaces and quotes is quoted for the shell in the next step', () => {
  const lines = exportSummary(only({ ...RESULT, output: "/srv/o'b c" }), look(80));
  expect(lines.join('\n')).toContain("cd '/srv/o'\\''b c' && ");
});

test('a plan shows findings with their hints, disks, sizes against free space, and the files', () => {
  const lines = planReport(dryRun([PLAN]), 80);
  expect(lines).toContain('error  power state  the VM is powered on');
  expect(lines).toContain('  power state: Give --snapshot or --shutdown.');
  const good = planReport(dryRun([{ ...PLAN, findings: [] }]), undefined);
  expect(good).toContain('Would write ovf to /srv/vms/web-01: 4.0 GiB expected, 100 GiB free');
  expect(good).toContain('  web-01.mf');
});

test('the list of VMs fits a terminal, and counts', () => {
  const listed = (i: number) => ({
    name: 'web',
    inventoryPath: `/Datacenter with a long name/vm/production/web/frontend/web-0${i}`,
    moRef: `vm-${i}`,
    powerState: 'poweredOn',
    template: i === 1,
    guest: 'Red Hat Enterprise Linux 9 (64-bit)',
    disks: [{ label: 'Hard disk 1', capacityBytes: 10 * GIB }],
    instanceUuid: '',
    biosUuid: '',
    cpus: 2,
    memoryBytes: 1 << 30,
    unreadable: false,
    usedBytes: null,
    datastores: [],
    host: '',
    folder: '/DC0/vm',
    managedBy: '',
  });
  const vms = [listed(0), listed(1)];
  const lines = vmListReport(vms, 80);
  for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(80);
  expect(lines[1]).toMatch(/ on +Red Hat/);
  expect(lines[2]).toMatch(/ template /);
  expect(lines.at(-1)).toBe('2 VMs');
  expect(vmListReport([], 80)).toEqual(['No VM matches.']);
  const managed = [
    { ...listed(0), managedBy: 'com.vmware.vim.eam' },
    { ...listed(1), managedBy: 'com.example.backup' },
    listed(2),
  ];
  const marked = vmListReport(managed, undefined);
  expect(marked[0]).toMatch(/ NOTE$/);
  expect(marked.slice(1, 4)).toEqual([
    expect.stringMatching(/ managed by vCenter$/),
    expect.stringMatching(/ managed by com\.example\.backup$/),
    expect.stringMatching(/ GiB *$/),
  ]);
  expect(marked.at(-1)).toBe('3 VMs, 2 of them managed: export patterns skip these.');
  const unreadable = { ...listed(0), unreadable: true, powerState: '', guest: '', disks: [] };
  expect(vmListReport([unreadable], 80)[1]).toMatch(/ unreadable +\? +\? +\?$/);
});

test('status shows findings, hints and jobs; one job shows everything in its record', () => {
  const findings = [
    { area: 'host' as const, check: 'node', level: 'ok' as const, detail: 'v24' },
    {
      area: 'server' as const,
      check: 'login',
      level: 'error' as const,
      detail: 'refused',
      hint: 'Check the password.',
    },
  ];
  const status = statusReport({ version: '0.1.0', findings, jobs: [JOB], replicas: [] }, undefined);
  expect(status).toContain('server  login  error  refused');
  expect(status).toContain('login: Check the password.');
  expect(status.at(-1)).toBe('20261122T140102Z-export-1a2b3c4d  partial  3.0 GiB  web-*');
  const replica = {
    vm: 'db-01',
    folder: '/srv/replicas/db-01',
    round: 5,
    takenAt: '2026-11-22T14:00:00.000Z',
    isPending: false,
    nextRoundSeconds: 42,
    downtime: {
      seconds: 100,
      roundSeconds: 42,
      fixSeconds: 40,
      bootSeconds: 18,
      changedBytesPerSecond: 1,
      transferBytesPerSecond: 2,
      missing: [],
    },
    rehearsal: null,
  };
  const nowMs = Date.parse('2026-11-22T16:30:00Z');
  const replicas = statusReport(
    { version: '0.1.0', findings, jobs: [], replicas: [replica] },
    undefined,
    plainPaint,
    nowMs,
  );
  expect(replicas.at(-1)).toMatch(/^db-01 +5 +2h 30m +42s +1m 40s +\/srv\/replicas\/db-01$/);
  const job = jobReport(JOB).join('\n');
  for (const part of [
    'partial',
    'vc.example.com:443',
    'web-02 (failed)',
    'The lease broke.',
    'hyper2kvm-1',
    JOB.file,
  ]) {
    expect(job).toContain(part);
  }
});
