import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { sourceOfFetched } from '../../../../src/operations/export/source/fetched-snapshot.ts';
import type { FixOptions } from '../../../../src/operations/fix-guest/types.ts';
import type { VmFacts } from '../../../../src/vsphere/vm/vm-facts.ts';
import { mixedContent } from '../../../server/content-source.ts';
import { startTestServer, type TestServer } from '../../../server/test-server.ts';
import { NO_FIX } from '../../fix-guest/no-fix.ts';
import { leftOnServer, NOTHING_LEFT, runExport, ScratchFolder, type ExportChoices } from '../export-run.ts';

const VM = { name: 'web', powerState: 'poweredOn', disks: [{ content: mixedContent(2 << 20, 'web') }] } as const;
const power = { kind: 'snapshot', quiesce: false } as const;
const REQUIRE: FixOptions = { ...NO_FIX, fix: 'require' };
const KEPT = 'web-disk-1.qcow2';

/** Options of an export whose fix fails: its guestfish ends at once. */
async function failingFix(scratch: ScratchFolder): Promise<ExportChoices> {
  await writeFile(join(scratch.path, 'guestfish'), '#!/bin/sh\necho "guestfish: error: out of order" >&2\nexit 1\n', {
    mode: 0o755,
  });
  const env = { ...process.env, PATH: `${scratch.path}:${process.env['PATH']}` };
  return { format: 'qcow2', power, guest: REQUIRE, env: { ...env, XDG_STATE_HOME: join(scratch.path, 'state') } };
}

function leasesOf(server: TestServer): number {
  return server.state().calls.filter(({ method }) => method === 'ExportSnapshot').length;
}

test('a fix that fails costs no second download, although the snapshot is removed', async () => {
  await using server = await startTestServer({ vms: [VM] });
  await using scratch = await ScratchFolder.make();
  const first = await runExport(server, scratch, await failingFix(scratch));
  expect(first.result?.failed[0]?.keptForNextRun).toEqual([KEPT]);
  expect(leftOnServer(server)).toEqual(NOTHING_LEFT);

  server.changeVm('web', { writeDisks: true });
  const again = await runExport(server, scratch, await failingFix(scratch));
  expect(again.result?.failed[0]?.keptForNextRun).toEqual([KEPT]);

  const { result, error } = await runExport(server, scratch, { format: 'qcow2', power });
  expect(error).toBeUndefined();
  expect(result?.exported[0]).toMatchObject({
    keptDisks: [KEPT],
    transferredBytes: 0,
    warnings: [expect.stringMatching(/^The disks of web are as of \d{4}-.* Remove web-disk-1\.qcow2\.partial /)],
  });
  expect(leasesOf(server)).toBe(1);
  expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  expect(await scratch.files()).toEqual([KEPT, 'web.xml']);
});

test.each([
  ['are exported in another format', { format: 'raw' }],
  ['belong to a VM that is powered off now, without --snapshot', { power: { kind: 'as-is' } }],
] as const)('disks that %s are downloaded again', async (_what, changes) => {
  await using server = await startTestServer({ vms: [VM] });
  await using scratch = await ScratchFolder.make();
  await runExport(server, scratch, await failingFix(scratch));
  if ('power' in changes) server.changeVm('web', { powerState: 'poweredOff' });
  const { result, error } = await runExport(server, scratch, { format: 'qcow2', power, ...changes });
  expect(error).toBeUndefined();
  expect(result?.exported[0]).toMatchObject({ keptDisks: [], warnings: [] });
});

test.each([
  ['with generations', { keep: 2 }],
  ['of what has changed', { ifChanged: true }],
] as const)('a scheduled export %s downloads the disks of its own time', async (_what, scheduled) => {
  await using server = await startTestServer({ vms: [VM] });
  await using scratch = await ScratchFolder.make();
  const first = await runExport(server, scratch, { ...(await failingFix(scratch)), ...scheduled });
  expect(first.result?.failed[0]?.keptForNextRun).toEqual([]);
  const { result, error } = await runExport(server, scratch, { format: 'qcow2', power, ...scheduled });
  expect(error).toBeUndefined();
  expect(result?.exported[0]).toMatchObject({ keptDisks: [], warnings: [] });
});

test('a disk that was changed is downloaded again', async () => {
  await using server = await startTestServer({ vms: [VM] });
  await using scratch = await ScratchFolder.make();
  await runExport(server, scratch, await failingFix(scratch));
  await utimes(join(scratch.output, `${KEPT}.partial`), new Date(), new Date(0));
  const { result, error } = await runExport(server, scratch, { format: 'qcow2', power });
  expect(error).toBeUndefined();
  expect(result?.exported[0]).toMatchObject({ keptDisks: [], warnings: [] });
});

test('an export without a domain, whose descriptor needs the snapshot, keeps nothing', async () => {
  await using server = await startTestServer({ vms: [VM] });
  await using scratch = await ScratchFolder.make();
  server.faults.add({ on: 'CreateDescriptor', action: 'soap-fault', fault: 'InvalidArgument', skip: 1 });
  await runExport(server, scratch, { power, retries: 0 });
  expect(await scratch.files()).toEqual([]);
});

test('disks are used for twelve hours, and for the same disks of the VM only', () => {
  const disk = { key: 2000, label: 'Hard disk 1', fileName: '[a] web/web.vmdk', capacityBytes: 2 << 20 };
  // oxlint-disable-next-line no-unsafe-type-assertion -- these fields identify the VM
  const facts = { instanceUuid: 'uuid', ref: { type: 'VirtualMachine', value: 'vm-1' }, disks: [disk] } as VmFacts;
  const vm = JSON.stringify(['uuid', 'vm-1', [[2000, 2 << 20]]]);
  const fetched = { identity: 'snapshot-1', vm, fetchedAt: '2026-12-01T10:00:00.000Z', quiesced: undefined };
  const at = (time: string, of: VmFacts = facts) => sourceOfFetched(of, fetched, new Date(time))?.identity;
  expect(at('2026-12-01T21:59:59.000Z')).toBe('snapshot-1');
  expect(at('2026-12-01T22:00:00.000Z')).toBeUndefined();
  // A clock that was set back.
  expect(at('2026-12-01T09:00:00.000Z')).toBeUndefined();
  // oxlint-disable-next-line no-unsafe-type-assertion -- as above
  const larger = { ...facts, disks: [{ ...disk, capacityBytes: 4 << 20 }] } as VmFacts;
  expect(at('2026-12-01T10:00:00.000Z', larger)).toBeUndefined();
});
