import { expect, test } from '@jest/globals';
import { conversionPlanReport, lacksSpace } from '../../../src/cli/report/conversion-plan-report.ts';
import { conversionSummary } from '../../../src/cli/report/conversion-summary.ts';
import { textWidth } from '../../../src/cli/text/text-width.ts';
import { CONVERT_PLAN, CONVERTED, IMAGE } from '../screen/convert-events.ts';
import { GIB } from '../screen/export-events.ts';

test('the summary names each image, how it was verified, the rate, the domain and the next step', () => {
  expect(conversionSummary(CONVERTED, undefined)).toEqual([
    'Converted web-01.ova to qcow2 in /srv/vms',
    '  FILE                 DISK                               SIZE  CAPACITY  FROM                  VERIFIED',
    '  web-01-disk-1.qcow2  Hard disk 1: web-01-disk1.vmdk  3.0 GiB  10.0 GiB  vmdk streamOptimized  manifest',
    '  web-01-disk-2.qcow2  Hard disk 2: b.img              1.0 GiB   1.0 GiB  raw                   read back',
    '  11.0 GiB of capacity in 1m 05s, 173 MiB/s',
    '  Hardware: sata. It was asked for.',
    '  Note: The TPM is new.',
    '  libvirt domain: web-01.xml',
    '  To make it a VM of this host:',
    '    virsh define /srv/vms/web-01.xml',
  ]);
});

test('the rate is that of the copy, and the time of a fix is not in it', () => {
  const guest = {
    outcome: 'fixed',
    system: 'Debian GNU/Linux 12',
    root: '/dev/sda1',
    changes: [],
    warnings: [],
    boot: { verdict: 'ready' as const, checks: [] },
    seconds: 792,
  } as const;
  const [disk] = CONVERTED.disks;
  const disks = disk === undefined ? [] : [{ ...disk, virtualSizeBytes: 2.5 * GIB }];
  const fixed = {
    ...CONVERTED,
    disks,
    guest: { ...guest, changes: [], warnings: [], boot: { verdict: 'ready' as const, checks: [] } },
    copySeconds: 0.8,
    seconds: 793,
  };
  expect(conversionSummary(fixed, undefined)).toContain('  2.5 GiB of capacity in <1s, 3.1 GiB/s; 13m 13s in all');
});

test('an image alone has no domain and no next step; warnings are told', () => {
  const alone = { ...CONVERTED, domain: undefined, hardware: undefined, warnings: ['The CD-ROM image is left out.'] };
  const lines = conversionSummary(alone, 80);
  expect(lines.at(-1)).toBe('  Warning: The CD-ROM image is left out.');
  expect(lines.join('\n')).not.toContain('virsh');
});

test('a plan says what the source is, its sizes, where it goes, and the free space', () => {
  expect(conversionPlanReport(CONVERT_PLAN, undefined)).toEqual([
    '/mnt/vms/web-01.ova is an OVA.',
    '',
    'FILE                 DISK                            FROM                  CAPACITY     USED  EXPECTED',
    'web-01-disk-1.qcow2  Hard disk 1: web-01-disk1.vmdk  vmdk streamOptimized  10.0 GiB  3.0 GiB   3.0 GiB',
    'web-01-disk-2.qcow2  Hard disk 2: b.img              raw                    1.0 GiB  1.0 GiB   1.0 GiB',
    '',
    'Would write to /srv/vms: 4.0 GiB expected, 100 GiB free',
    '  web-01-disk-1.qcow2',
    '  web-01-disk-2.qcow2',
    '  web-01.xml',
  ]);
  expect(lacksSpace(CONVERT_PLAN)).toBe(false);
  expect(lacksSpace({ ...CONVERT_PLAN, freeBytes: 4 * GIB - 1 })).toBe(true);
});

test('a plan marks the files in the way, and says what to do', () => {
  const refusal = `/srv/vms/${IMAGE} exists: job 1 wrote it, which exported web-01.`;
  const lines = conversionPlanReport({ ...CONVERT_PLAN, taken: [`/srv/vms/${IMAGE}`], refusal }, 80);
  expect(lines).toContain(`  ${IMAGE}  already exists`);
  expect(lines).toContain('  web-01.xml');
  expect(lines.at(-2)).toBe(refusal);
  expect(lines.at(-1)).toContain('--force');
});

test('both fit a terminal of 80 columns, and no name brings an escape code', () => {
  const name = `/srv/vms/${'a long name '.repeat(10)}\u001b[2J.qcow2`;
  const disks = CONVERTED.disks.map((disk) => ({ ...disk, path: name, sourceVariant: 'twoGbMaxExtentSparse' }));
  const summary = conversionSummary({ ...CONVERTED, source: name, disks, domain: name }, 80);
  const plan = conversionPlanReport(
    { ...CONVERT_PLAN, disks: disks.map((disk) => ({ ...disk, usedBytes: 1, expectedBytes: 1, leastBytes: 0 })) },
    80,
  );
  expect([...summary, ...plan].join('')).not.toMatch(/\p{Cc}/u);
  for (const line of [...summary.slice(1, 4), ...plan.slice(2, 5)]) expect(textWidth(line)).toBeLessThanOrEqual(80);
});
