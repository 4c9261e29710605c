import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { EncodeOptions } from '../../../../src/operations/encode-options.ts';
import { planExports } from '../../../../src/operations/export/run/plan-exports.ts';
import type { DryRunResult, ExportEvent, ExportOptions } from '../../../../src/operations/export/types.ts';
import { emptyContent } from '../../../server/content-source.ts';
import type { VmOptions } from '../../../server/options.ts';
import { startTestServer } from '../../../server/test-server.ts';
import { connectionTo, runExport, ScratchFolder, type ExportChoices } from '../export-run.ts';
import { NO_FIX } from '../../fix-guest/no-fix.ts';
import { THREE_DISKS } from '../package-checks.ts';

const SECRET: VmOptions = { name: 'secret', unreadable: true, disks: [{ content: emptyContent(1 << 20) }] };
const READ_ONLY = /^(RetrieveServiceContent|Log(in|out)|RetrievePropertiesEx|(Create|Destroy)\w*View|HasPrivilege\w+)$/;

async function plan(
  vms: VmOptions[],
  { format = 'ovf', compression, ...options }: ExportChoices & Pick<ExportOptions, 'vms'>,
): Promise<DryRunResult & { events: ExportEvent[] }> {
  await using server = await startTestServer({ vms });
  await using scratch = await ScratchFolder.make();
  const events: ExportEvent[] = [];
  const all: ExportOptions = {
    connection: connectionTo(server),
    output: scratch.output,
    encode: new EncodeOptions({ format, compression }),
    hardware: 'auto',
    guest: NO_FIX,
    bootTest: false,
    power: { kind: 'as-is' },
    parallel: 2,
    transport: 'lease',
    nfcDepth: 16,
    limitRateBytes: undefined,
    firstByteTimeoutMs: 20_000,
    stallTimeoutMs: 20_000,
    retries: 0,
    force: false,
    jobs: 1,
    skipExisting: false,
    env: { XDG_STATE_HOME: scratch.path },
    ...options,
  };
  const context = { signal: new AbortController().signal, report: (event: ExportEvent) => void events.push(event) };
  const result = await planExports(all, context);
  for (const { method } of server.state().calls) expect(method).toMatch(READ_ONLY);
  expect(server.state().sessions).toEqual([]);
  expect(await scratch.files()).toEqual([]);
  return { ...result, events };
}

test.concurrent(
  'a Windows whose fix will fail is told before the download, and a virtio-win that is none',
  async () => {
    const vm = { ...THREE_DISKS, guestId: 'windows2019srv_64Guest' };
    const env = { PATH: '/nonexistent' };
    const findingsOf = async (guest: ExportOptions['guest']) => {
      const { plans } = await plan([vm], { vms: ['web'], format: 'qcow2', guest, env });
      return plans[0]?.findings.filter(({ check }) => check === 'fix');
    };
    expect(await findingsOf({ ...NO_FIX, fix: 'require' })).toMatchObject([
      { level: 'error', kind: 'host', detail: 'guestfish of libguestfs is not installed on this host.' },
      {
        level: 'warning',
        detail: 'The source calls its guest Windows (windows2019srv_64Guest), whose fix fails without --virtio-win.',
      },
    ]);
    expect(await findingsOf({ ...NO_FIX, fix: 'auto', virtioWin: '/nonexistent/win.iso' })).toMatchObject([
      { level: 'error', kind: 'local-file', detail: 'Could not read /nonexistent/win.iso: it does not exist.' },
    ]);
  },
);

test.concurrent('a plan names what would be written, and touches nothing', async () => {
  const { plans, failed } = await plan([THREE_DISKS], { vms: ['web'] });
  expect(failed).toEqual([]);
  expect(plans).toMatchObject([
    {
      vm: 'web',
      inventoryPath: '/DC0/vm/web',
      files: ['web.ovf', 'web-disk-1.vmdk', 'web-disk-2.vmdk', 'web-disk-3.vmdk', 'web.nvram', 'web.mf'],
      disks: [{ capacityBytes: 6 * 2 ** 20 + 512 }, { capacityBytes: 2 * 2 ** 20 }, { capacityBytes: 3 * 2 ** 20 }],
    },
  ]);
  expect(plans[0]?.findings.filter(({ level }) => level !== 'ok')).toEqual([]);
});

test.concurrent('a plan shows every obstacle, not the first alone', async () => {
  const content = emptyContent(1 << 20);
  const vm: VmOptions = {
    name: 'web',
    powerState: 'poweredOn',
    encrypted: true,
    virtualTpm: true,
    disks: [
      { content, multiWriter: true },
      { content, mode: 'independent_persistent' },
    ],
  };
  const { plans } = await plan([vm], { vms: ['web'] });
  const errors = plans[0]?.findings.filter(({ level }) => level === 'error') ?? [];
  expect(errors.map(({ check }) => check)).toEqual(
    expect.arrayContaining(['power state', 'Hard disk 1', 'Hard disk 2', 'encryption', 'TPM']),
  );
});

test.concurrent('a VM that the account may not read fails alone, in a plan and in an export', async () => {
  const expected = {
    kind: 'authentication',
    message: expect.stringMatching(/^The server does not return \S+ of vm-\d+ \(NoPermission\)/),
  };
  const { plans, failed, events } = await plan([SECRET, THREE_DISKS], { vms: ['*'] });
  expect(plans.map(({ vm }) => vm)).toEqual(['web']);
  expect(failed).toMatchObject([{ vm: 'secret', error: expected }]);
  expect(events).toMatchObject([{ type: 'vm-failed', vm: 'secret' }]);

  await using server = await startTestServer({ vms: [SECRET, THREE_DISKS] });
  await using scratch = await ScratchFolder.make();
  const { result } = await runExport(server, scratch, { vms: ['secret', 'web'] });
  expect(result).toMatchObject({
    state: 'partial',
    exported: [{ vm: 'web' }],
    failed: [{ vm: 'secret', error: expected }],
  });
});

test.concurrent('a dry run sums up the VMs that would be exported', async () => {
  const MiB = 1 << 20;
  const vms: VmOptions[] = [
    THREE_DISKS,
    { name: 'db', powerState: 'poweredOn', disks: [{ content: emptyContent(MiB) }] },
  ];
  const { plans, totals } = await plan(vms, { vms: ['*'] });
  const web = plans.find(({ vm }) => vm === 'web');
  expect(totals).toEqual({
    vms: 2,
    exportable: 1,
    disks: 3,
    capacityBytes: 11 * MiB + 512,
    expectedBytes: web?.expectedBytes,
    freeBytes: Math.min(...plans.map(({ freeBytes }) => freeBytes)),
  });
});

test.concurrent(
  'what has a final name already is told before the lease: a link to nothing, and with force a folder',
  async () => {
    await using server = await startTestServer({ vms: [THREE_DISKS] });
    await using scratch = await ScratchFolder.make();
    await mkdir(scratch.output);
    await symlink('nowhere', join(scratch.output, 'web-disk-2.vmdk'));
    await mkdir(join(scratch.output, 'web.mf'));
    for (const [force, message] of [
      [false, /web-disk-2\.vmdk exists: it was not written by a job/],
      [true, /web\.mf is a folder, which --force does not overwrite/],
    ] as const) {
      const { result } = await runExport(server, scratch, { force });
      expect(result?.failed).toMatchObject([
        { error: { kind: 'local-file', message: expect.stringMatching(message) } },
      ]);
    }
    expect(server.state().leases).toEqual([]);
    expect(await scratch.files()).toEqual(['web-disk-2.vmdk', 'web.mf']);
  },
);
