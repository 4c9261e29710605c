import { describe, expect, test } from '@jest/globals';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { PowerChoice } from '../../../../src/operations/export/types.ts';
import { planExports } from '../../../../src/operations/export/run/plan-exports.ts';
import { randomContent } from '../../../server/content-source.ts';
import type { VmOptions } from '../../../server/options.ts';
import { startTestServer, type TestServer } from '../../../server/test-server.ts';
import {
  leftOnServer,
  NOTHING_LEFT,
  optionsFor,
  runExport,
  ScratchFolder,
  type ExportRun,
  type ExportChoices,
} from '../export-run.ts';

const VM: VmOptions = { name: 'web', disks: [{ content: randomContent(1 << 20, 'first') }] };
const SNAPSHOT: PowerChoice = { kind: 'snapshot', quiesce: false };

type Options = ExportChoices;

function exportIfChanged(
  server: TestServer,
  scratch: ScratchFolder,
  options: Parameters<typeof runExport>[2] = {},
): Promise<ExportRun> {
  return runExport(server, scratch, { ifChanged: true, force: true, ...options });
}

/** Runs an export twice with `between` in the middle. Returns the reason why the second run exported, or `skipped`. */
async function secondRun(
  between: (server: TestServer, scratch: ScratchFolder) => unknown,
  { vm = VM, first = {}, second = first }: { vm?: VmOptions; first?: Options; second?: Options } = {},
): Promise<string> {
  await using server = await startTestServer({ vms: [vm] });
  await using scratch = await ScratchFolder.make();
  const before = await exportIfChanged(server, scratch, first);
  expect(before.error).toBeUndefined();
  expect(before.result?.exported).toMatchObject([{ changed: 'no complete export of it is recorded there' }]);
  await between(server, scratch);
  const { result, error, events } = await exportIfChanged(server, scratch, second);
  expect(error).toBeUndefined();
  expect(leftOnServer(server)).toEqual({ ...NOTHING_LEFT, snapshots: vm.snapshots?.map(({ name }) => name) ?? [] });
  const [skip] = result?.skipped ?? [];
  if (skip === undefined) return result?.exported[0]?.changed ?? '';
  expect(server.state().diskRequests).toEqual({ 'disk-0.vmdk': 1 });
  expect(result).toMatchObject({ state: 'done', exported: [], failed: [] });
  expect(skip).toMatchObject({ vm: 'web', reason: 'unchanged', files: before.result?.exported[0]?.files });
  expect(events).toContainEqual({ type: 'vm-skipped', vm: 'web', result: skip });
  return 'skipped';
}

const nothing = (): void => undefined;

describe('a VM that is off is skipped', () => {
  test.each<[string, Options]>([
    ['as it is', {}],
    ['through an own snapshot, which counts its configuration up', { power: SNAPSHOT }],
    ['with generations', { keep: 2, force: false }],
    ['with generations and an own snapshot', { keep: 2, power: SNAPSHOT }],
    ['as images', { format: 'qcow2' }],
  ])('when nothing has changed: %s', async (_, first) => {
    expect(await secondRun(nothing, { first })).toBe('skipped');
  });

  test('and the record of the job says so', async () => {
    await using server = await startTestServer({ vms: [VM] });
    await using scratch = await ScratchFolder.make();
    await exportIfChanged(server, scratch);
    const { result } = await exportIfChanged(server, scratch);
    const record = join(scratch.path, 'state', 'hyper2kvm', 'jobs', `${result?.job}.json`);
    expect(JSON.parse(await readFile(record, 'utf8'))).toMatchObject({
      state: 'done',
      vms: [{ vm: 'web', state: 'skipped' }],
    });
  });

  test.each<[string, Options]>([
    ['in its folder', {}],
    ['in a generation', { keep: 2 }],
  ])('and a dry run says so, with the last export %s', async (_, options) => {
    await using server = await startTestServer({ vms: [VM] });
    await using scratch = await ScratchFolder.make();
    const all = optionsFor(server, scratch, { ifChanged: true, ...options });
    const plan = () => planExports(all, { signal: new AbortController().signal, report: nothing });
    expect(await plan()).toMatchObject({ plans: [{ vm: 'web' }], skipped: [] });
    await exportIfChanged(server, scratch, options);
    expect(await plan()).toMatchObject({ plans: [], skipped: [{ vm: 'web', reason: 'unchanged' }] });
    server.changeVm('web', { writeDisks: true });
    expect(await plan()).toMatchObject({ plans: [{ vm: 'web' }], skipped: [] });
  });
});

describe('a VM is exported again', () => {
  test.each<[string, Options]>([
    ['in its folder', {}],
    ['as a generation', { keep: 2 }],
    ['through an own snapshot', { power: SNAPSHOT }],
  ])('when its configuration was changed, and its disks not: %s', async (_, first) => {
    const change = (server: TestServer) => server.changeVm('web', { changeVersion: '2026-05-05T05:05:05.000000Z' });
    expect(await secondRun(change, { first })).toBe('its configuration was changed');
  });

  test('when its disks were written to, and its configuration is the same', async () => {
    const ranMeanwhile = (server: TestServer) => {
      server.changeVm('web', { powerState: 'poweredOn' });
      server.changeVm('web', { powerState: 'poweredOff' });
    };
    expect(await secondRun(ranMeanwhile)).toBe('Hard disk 1 was written to');
    const byAnother = (server: TestServer) => server.changeVm('web', { writeDisks: true });
    expect(await secondRun(byAnother)).toBe('Hard disk 1 was written to');
  });

  test('while it runs, although nothing tells of a change', async () => {
    const vm: VmOptions = { ...VM, powerState: 'poweredOn' };
    const why = await secondRun(nothing, { vm, first: { power: SNAPSHOT } });
    expect(why).toBe('its last export recorded no state to compare with');
    const turnOn = (server: TestServer) => server.changeVm('web', { powerState: 'poweredOn' });
    expect(await secondRun(turnOn, { first: { power: SNAPSHOT } })).toBe(
      'it is not powered off, and guest writes cannot be detected',
    );
  });

  test('where the server has no content IDs', async () => {
    const why = await secondRun(nothing, { vm: { ...VM, contentIds: false } });
    expect(why).toBe('its last export recorded no state to compare with');
  });

  test('when other settings are asked for', async () => {
    const first: Options = { format: 'qcow2' };
    expect(await secondRun(nothing, { first, second: { format: 'qcow2', compression: 'fast' } })).toBe(
      'it was exported with other settings',
    );
    expect(await secondRun(nothing, { first, second: { format: 'ovf' } })).toBe(
      'no complete export of it is recorded there',
    );
  });

  test('when a file of its last export is gone', async () => {
    const remove = (_: TestServer, scratch: ScratchFolder) => rm(join(scratch.output, 'web-disk-1.vmdk'));
    expect(await secondRun(remove)).toBe('no complete export of it is recorded there');
  });

  test('when somebody changed it while it was exported', async () => {
    await using server = await startTestServer({ vms: [VM] });
    await using scratch = await ScratchFolder.make();
    const rename = () => server.changeVm('web', { annotation: 'changed meanwhile' });
    const first = await exportIfChanged(server, scratch, {
      power: SNAPSHOT,
      onEvent: ({ type }) => type === 'disk-started' && rename(),
    });
    expect(first.error).toBeUndefined();
    const { result } = await exportIfChanged(server, scratch, { power: SNAPSHOT });
    expect(result?.exported).toMatchObject([{ changed: 'its last export recorded no state to compare with' }]);
    expect((await exportIfChanged(server, scratch, { power: SNAPSHOT })).result?.skipped).toHaveLength(1);
  });
});

test('a snapshot of the user’s is exported once, whether the VM runs or not', async () => {
  const vm: VmOptions = { ...VM, powerState: 'poweredOn', snapshots: [{ name: 'gold' }] };
  const first: Options = { power: { kind: 'from-snapshot', name: 'gold' } };
  expect(await secondRun(nothing, { vm, first })).toBe('skipped');
});

test('a run that skips makes no generation and removes none', async () => {
  await using server = await startTestServer({ vms: [VM] });
  await using scratch = await ScratchFolder.make();
  for (const writeDisks of [false, true]) {
    server.changeVm('web', { writeDisks });
    await exportIfChanged(server, scratch, { keep: 2 });
  }
  const names = (await readdir(join(scratch.output, 'web'))).toSorted((a, b) => a.localeCompare(b, 'en'));
  expect(names).toHaveLength(3);
  const { result } = await exportIfChanged(server, scratch, { keep: 1 });
  expect(result?.skipped).toHaveLength(1);
  expect(await readdir(join(scratch.output, 'web'))).toEqual(expect.arrayContaining(names));
});
