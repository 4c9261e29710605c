import { describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readJob } from '../../../../src/jobs/job-store.ts';
import { jobReport } from '../../../../src/cli/report/status-report.ts';
import { planReport } from '../../../../src/cli/report/plan-report.ts';
import { vmNotes } from '../../../../src/cli/report/export/vm-notes.ts';
import { planExports } from '../../../../src/operations/export/run/plan-exports.ts';
import type { DryRunResult } from '../../../../src/operations/export/types.ts';
import type { DiskChoice } from '../../../../src/vsphere/vm/select-disks.ts';
import { testWithOracle } from '../../../oracles/oracle.ts';
import { runProgram } from '../../../oracles/run-program.ts';
import { mixedContent, randomContent, writeRawFile } from '../../../server/content-source.ts';
import type { DiskOptions, VmOptions } from '../../../server/options.ts';
import { startTestServer, type TestServer } from '../../../server/test-server.ts';
import { leftOnServer, NOTHING_LEFT, optionsFor, runExport, ScratchFolder, type ExportChoices } from '../export-run.ts';
import { expectRightDescriptor, expectRightManifest, expectSameContent } from '../package-checks.ts';

const MiB = 1 << 20;
const CONTENTS = [mixedContent(2 * MiB, 'first'), randomContent(4 * MiB, 'lun'), randomContent(MiB, 'third')] as const;
const [FIRST, SECOND, THIRD] = CONTENTS;

/** A VM with three disks, of which the second one has `facts`. */
const vmWith = (facts: Partial<DiskOptions>, vm: Partial<VmOptions> = {}): VmOptions => ({
  name: 'web',
  networkAdapters: [{ macAddress: '00:50:56:01:02:03' }],
  disks: [{ content: FIRST }, { content: SECOND, ...facts }, { content: THIRD }],
  ...vm,
});
const RDM = vmWith({ rawDeviceMapping: 'physicalMode' }, { lease: { mapped: 'offered' } });
const WITHOUT_SECOND: DiskChoice = { kind: 'except', words: ['2'] };
const SECOND_DISK = { number: 2, label: 'Hard disk 2', capacityBytes: 4 * MiB };
const SNAPSHOT = { kind: 'snapshot', quiesce: false } as const;
const LIST = 'The disks of web are 1 (Hard disk 1, 2.0 MiB), 2 (Hard disk 2, 4.0 MiB), 3 (Hard disk 3, 1.0 MiB).';
const OPENS = /^(ExportVm|ExportSnapshot|CreateSnapshot_?\w*_Task|CreateSnapshotEx_Task|ShutdownGuest)$/;

async function plan(vms: VmOptions[], options: ExportChoices): Promise<DryRunResult> {
  await using server = await startTestServer({ vms });
  await using scratch = await ScratchFolder.make();
  const context = { signal: new AbortController().signal, report: () => {} };
  return await planExports(optionsFor(server, scratch, options), context);
}

describe('a dry run', () => {
  test('suggests to leave out a disk that blocks the VM', async () => {
    const { plans, totals } = await plan([RDM], {});
    expect(plans[0]?.findings).toContainEqual({
      level: 'error',
      kind: 'image',
      check: 'Hard disk 2',
      detail: 'Hard disk 2 is a raw device mapping (physicalMode), which a lease cannot export.',
      hint: 'Copy the LUN itself, or migrate the disk to a VMDK first. Or leave it out with --exclude-disk.',
    });
    expect(plans[0]).not.toHaveProperty('leftOut');
    expect(totals.exportable).toBe(0);
  });

  const obstacles: [string, Partial<DiskOptions>][] = [
    ['a raw device mapping', { rawDeviceMapping: 'physicalMode' }],
    ['independent', { mode: 'independent_persistent' }],
    ['shared', { multiWriter: true }],
    ['encrypted', { encrypted: true }],
  ];
  const choices: DiskChoice[] = [
    WITHOUT_SECOND,
    { kind: 'except', words: ['hard disk 2'] },
    { kind: 'only', words: ['1', 'Hard disk 3'] },
  ];
  test.each(obstacles.flatMap(([title, facts]) => choices.map((disks) => [title, disks, facts] as const)))(
    'neither refuses nor counts a disk that is left out: %s, %j',
    async (_title, disks, facts) => {
      const result = await plan([vmWith(facts)], { disks, format: 'raw' });
      expect(result.failed).toEqual([]);
      expect(result.totals).toMatchObject({ exportable: 1, disks: 2, capacityBytes: 3 * MiB });
      expect(result.plans).toMatchObject([
        {
          disks: [
            { disk: 'web-disk-1.raw', label: 'Hard disk 1' },
            { disk: 'web-disk-3.raw', label: 'Hard disk 3' },
          ],
          leftOut: [SECOND_DISK],
          files: ['web-disk-1.raw', 'web-disk-3.raw', 'web.xml'],
        },
      ]);
      expect(result.plans[0]?.expectedBytes).toBeLessThanOrEqual(3 * MiB);
      expect(planReport(result, undefined)).toContainEqual(
        expect.stringMatching(/^Not selected: disk 2, Hard disk 2, \[.*\.vmdk, 4\.0 MiB$/),
      );
    },
  );

  test('refuses the disk that blocks the VM when it is selected', async () => {
    const { plans } = await plan([RDM], { disks: { kind: 'only', words: ['2'] } });
    expect(plans[0]?.findings).toContainEqual(expect.objectContaining({ level: 'error', check: 'Hard disk 2' }));
  });
});

test.each<[DiskChoice, string]>([
  [{ kind: 'except', words: ['4'] }, '--exclude-disk "4" does not match a disk of web.'],
  [{ kind: 'except', words: ['2', 'Hard disk'] }, '--exclude-disk "Hard disk" does not match a disk of web.'],
  [{ kind: 'only', words: ['0'] }, '--disk "0" does not match a disk of web.'],
  [{ kind: 'except', words: ['1', '2', 'Hard disk 3'] }, '--exclude-disk leaves out every disk of web.'],
])('%j is a usage error before anything is opened', async (disks, message) => {
  await using server = await startTestServer({ vms: [RDM] });
  await using scratch = await ScratchFolder.make();
  const { error } = await runExport(server, scratch, { disks, power: SNAPSHOT });
  expect(error).toMatchObject({ kind: 'usage', message, hint: LIST });
  expect(server.state().calls.filter(({ method }) => OPENS.test(method))).toEqual([]);
  expect(server.state().leases).toEqual([]);
  expect(await scratch.files()).toEqual([]);
});

function downloadsOf(server: TestServer): number {
  return server.state().downloads.length;
}

describe('an OVF', () => {
  testWithOracle('qemu-img', 'contains and attaches only the other disks', async (oracles) => {
    await using server = await startTestServer({ vms: [RDM] });
    await using scratch = await ScratchFolder.make();
    const { error, result, events } = await runExport(server, scratch, { disks: WITHOUT_SECOND });
    expect(error).toBeUndefined();
    const disks = ['web-disk-1.vmdk', 'web-disk-3.vmdk'];
    expect(await scratch.files()).toEqual([...disks, 'web.mf', 'web.ovf']);
    await expectSameContent(oracles['qemu-img'], join(scratch.output, 'web-disk-1.vmdk'), FIRST);
    await expectSameContent(oracles['qemu-img'], join(scratch.output, 'web-disk-3.vmdk'), THIRD);
    await expectRightDescriptor(scratch.output, 'web.ovf', disks);
    await expectRightManifest(scratch.output, 'web.mf', ['web.ovf', ...disks]);
    const ovf = await readFile(join(scratch.output, 'web.ovf'), 'utf8');
    expect(ovf.match(/<Disk /g)).toHaveLength(2);
    expect(ovf.match(/<rasd:ResourceType>17</g)).toHaveLength(2);
    expect(downloadsOf(server)).toBe(2);
    expect(events.some((event) => event.type === 'disk-started' && /disk-2/.test(event.disk))).toBe(false);
    const [vm] = result?.exported ?? [];
    expect(vm).toMatchObject({ capacityBytes: 3 * MiB, disks: [{ label: 'Hard disk 1' }, { label: 'Hard disk 3' }] });
    expect(vm?.leftOut).toMatchObject([SECOND_DISK]);
    expect(vm && vmNotes(vm, { width: undefined, paint: (_, text) => text })).toContainEqual(
      expect.stringMatching(/^Not selected: disk 2, Hard disk 2, /),
    );
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  });
});

describe('images', () => {
  async function expectSameImage(qemuImg: string, image: string, content: (typeof CONTENTS)[number]): Promise<void> {
    await writeRawFile(content, `${image}.expected`);
    const words = ['compare', '-f', 'qcow2', '-F', 'raw', image, `${image}.expected`];
    expect((await runProgram(qemuImg, words)).stdout).toBe('Images are identical.\n');
  }

  // The lease of a VM offers all disks; that of a snapshot does not offer independent ones.
  for (const [title, power, powerState] of [
    ['of a VM', { kind: 'as-is' }, 'poweredOff'],
    ['of a snapshot', SNAPSHOT, 'poweredOn'],
  ] as const) {
    testWithOracle(
      'qemu-img',
      `${title} are those of the other disks, and the domain attaches only them`,
      async (oracles) => {
        await using server = await startTestServer({ vms: [{ ...RDM, powerState }] });
        await using scratch = await ScratchFolder.make();
        const { error, result } = await runExport(server, scratch, {
          disks: { kind: 'except', words: ['Hard disk 2'] },
          format: 'qcow2',
          power,
        });
        expect(error).toBeUndefined();
        const images = ['web-disk-1.qcow2', 'web-disk-3.qcow2'].map((name) => join(scratch.output, name));
        expect(await scratch.files()).toEqual(['web-disk-1.qcow2', 'web-disk-3.qcow2', 'web.xml']);
        const xml = await readFile(join(scratch.output, 'web.xml'), 'utf8');
        expect([...xml.matchAll(/<source file=['"]([^'"]*)['"]/g)].map(([, path]) => path)).toEqual(images);
        await expectSameImage(oracles['qemu-img'], images[0] ?? '', FIRST);
        await expectSameImage(oracles['qemu-img'], images[1] ?? '', THIRD);
        const job = await readJob(optionsFor(server, scratch).env, result?.job ?? '');
        expect(job.vms).toMatchObject([{ vm: 'web', state: 'done', leftOut: ['Hard disk 2'] }]);
        expect(jobReport(job)).toContain('  Disks    not selected of web: Hard disk 2');
        expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
      },
    );
  }

  test.each<[string, DiskChoice, number[] | undefined, string]>([
    ['the first remaining disk', { kind: 'except', words: ['1'] }, undefined, 'web-disk-2.raw'],
    ['the disk of its boot order', { kind: 'except', words: ['1'] }, [2, 0], 'web-disk-3.raw'],
    ['the next disk of its boot order', { kind: 'only', words: ['1', '2'] }, [2, 1], 'web-disk-2.raw'],
  ])('boot from %s', async (_title, disks, bootOrder, expected) => {
    await using server = await startTestServer({ vms: [vmWith({}, bootOrder && { bootOrder })] });
    await using scratch = await ScratchFolder.make();
    const { error } = await runExport(server, scratch, { disks, format: 'raw' });
    expect(error).toBeUndefined();
    const xml = await readFile(join(scratch.output, 'web.xml'), 'utf8');
    const bootDisk = xml.split('<disk ').find((disk) => /<boot order=['"]1['"]/.test(disk)) ?? '';
    expect(/<source file=['"]([^'"]*)['"]/.exec(bootDisk)?.[1]).toBe(join(scratch.output, expected));
  });
});

describe('an earlier export', () => {
  const both = { disks: WITHOUT_SECOND, format: 'raw' } as const;
  const other: DiskChoice = { kind: 'only', words: ['1'] };

  test('is complete only for the same choice of disks', async () => {
    await using server = await startTestServer({ vms: [RDM] });
    await using scratch = await ScratchFolder.make();
    expect((await runExport(server, scratch, { ...both, skipExisting: true })).error).toBeUndefined();
    const again = await runExport(server, scratch, { ...both, skipExisting: true });
    expect(again.result).toMatchObject({ skipped: [{ vm: 'web', reason: 'already-whole' }], exported: [] });
    const changed = await runExport(server, scratch, { ...both, disks: other, skipExisting: true });
    expect(changed.error).toMatchObject({ message: expect.stringMatching(/--disk/) });
    expect(server.state().downloads).toHaveLength(2);
  });

  // The server reports no content ID for the raw device mapping.
  test('is unchanged for the same choice of disks, whatever happens to the others', async () => {
    await using server = await startTestServer({ vms: [RDM] });
    await using scratch = await ScratchFolder.make();
    const ifChanged = { ...both, ifChanged: true, force: true };
    expect((await runExport(server, scratch, ifChanged)).error).toBeUndefined();
    const again = await runExport(server, scratch, ifChanged);
    expect(again.result).toMatchObject({ skipped: [{ vm: 'web', reason: 'unchanged' }], exported: [] });
    const changed = await runExport(server, scratch, { ...ifChanged, disks: other });
    expect(changed.result?.exported).toMatchObject([{ changed: 'it was exported with other settings' }]);
  });

  test.each([
    ['the same choice', WITHOUT_SECOND, ['web-disk-1.raw']],
    ['another choice', { kind: 'only', words: ['1', '3'] } as DiskChoice, []],
  ])('that failed is continued with %s', async (_title, disks, kept) => {
    await using server = await startTestServer({ vms: [RDM] });
    await using scratch = await ScratchFolder.make();
    const options = { ...both, parallel: 1, retries: 0 };
    server.faults.add({ on: 'disk', target: 'disk-2.vmdk', action: 'status', status: 503, times: 100 });
    const first = await runExport(server, scratch, options);
    expect(first.result?.failed[0]?.keptForNextRun).toEqual(['web-disk-1.raw']);
    server.faults.clear();
    const second = await runExport(server, scratch, { ...options, disks });
    expect(second.error).toBeUndefined();
    expect(second.result?.exported[0]?.keptDisks).toEqual(kept);
    expect(await scratch.files()).toEqual(['web-disk-1.raw', 'web-disk-3.raw', 'web.xml']);
  });
});

// What a real server does is not known.
describe('a server that', () => {
  const served = (mapped: 'refused' | 'offered' | 'left-out'): VmOptions => ({ ...RDM, lease: { mapped } });

  async function expectOtherDisks(scratch: ScratchFolder): Promise<void> {
    expect(await scratch.files()).toEqual(['web-disk-1.raw', 'web-disk-3.raw', 'web.xml']);
    for (const [name, content] of [
      ['web-disk-1.raw', FIRST],
      ['web-disk-3.raw', THIRD],
    ] as const) {
      await writeRawFile(content, join(scratch.path, name));
      const [image, expected] = [await readFile(join(scratch.output, name)), await readFile(join(scratch.path, name))];
      expect(image.equals(expected)).toBe(true);
    }
  }

  test.each(['offered', 'left-out'] as const)('has the mapped disk %s in the lease is no obstacle', async (mapped) => {
    await using server = await startTestServer({ vms: [served(mapped)] });
    await using scratch = await ScratchFolder.make();
    const { error } = await runExport(server, scratch, { disks: WITHOUT_SECOND, format: 'raw' });
    expect(error).toBeUndefined();
    await expectOtherDisks(scratch);
  });

  test('opens no lease on such a VM is reported with the way around it, which works', async () => {
    await using server = await startTestServer({ vms: [served('refused')], nfc: {} });
    await using scratch = await ScratchFolder.make();
    const options = { disks: WITHOUT_SECOND, format: 'raw', retries: 0 } as const;
    const refused = await runExport(server, scratch, options);
    expect(refused.error).toMatchObject({
      kind: 'transfer',
      message: 'ExportVm failed with NotSupported: The operation is not supported on the object.',
      hint: 'The lease covers all disks of the VM, and Hard disk 2 may be why the server refuses it. --transport nfc opens only the selected disks.',
    });
    const read = await runExport(server, scratch, { ...options, transport: 'nfc' });
    expect(read.error).toBeUndefined();
    await expectOtherDisks(scratch);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  });
});
