import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { VmSyncResult } from '../../../src/operations/sync/types.ts';
import { syncOutcome } from '../../../src/operations/sync/sync-outcome.ts';
import { emptyContent, mixedContent } from '../../server/content-source.ts';
import type { ScriptedFault } from '../../server/scripted-faults.ts';
import { leftOnServer, NOTHING_LEFT } from '../export/export-run.ts';
import { bytesOf } from './replica/changing-disk.ts';
import { contentOfFile, TrackedVm } from './tracked-vm.ts';
import type { SyncRun } from './sync-run.ts';

function vmOf({ result }: SyncRun): VmSyncResult | undefined {
  return result?.synced[0];
}

function readings(run: SyncRun): string[] {
  return vmOf(run)?.disks.map(({ reading }) => reading) ?? [];
}

function warnings({ events }: SyncRun): string[] {
  return events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
}

test('the first round switches tracking on, and later ones read only what changed', async () => {
  await using web = await TrackedVm.start();
  const first = await web.run();
  expect(first.error).toBeUndefined();
  expect(vmOf(first)).toMatchObject({ round: 1, enabledTracking: true });
  expect(await web.equalities(first.result)).toEqual([true, true]);
  web.server.disks.write('web', 0, 2_500_096, bytesOf('one', 5120));
  web.server.disks.write('web', 0, 512, { zeros: (9000 * 512) / 9 });
  const second = await web.run();
  expect(readings(second)).toEqual(['changed', 'changed']);
  expect(vmOf(second)?.enabledTracking).toBeUndefined();
  // The server reports blocks of 64 KiB.
  expect(vmOf(second)?.transferredBytes).toBeLessThanOrEqual((2 + 8 + 1) * 65_536);
  expect(await web.equalities(second.result)).toEqual([true, true]);
  const third = await web.run();
  expect(vmOf(third)).toMatchObject({ transferredBytes: 0, changedBytes: 0 });
  expect(leftOnServer(web.server)).toEqual(NOTHING_LEFT);
  expect(web.server.state().vms['web']).toMatchObject({ powerState: 'poweredOn' });
});

test('each round is one point in time while a guest writes', async () => {
  await using web = await TrackedVm.start({ consolidationMs: 100 });
  using guest = web.server.disks.startGuest('web', { recordsPerSecond: 400 });
  guest.write(50);
  for (let round = 1; round <= 4; round += 1) {
    const run = await web.run();
    expect(run.error).toBeUndefined();
    expect(await web.equalities(run.result)).toEqual([true, true]);
    const images = [await web.image(0), await web.image(1)];
    expect(await guest.check(images.map(contentOfFile))).toMatchObject({ missing: [] });
    guest.write(100);
  }
});

describe('everything is compared, with a reason, when tracking cannot be used', () => {
  const cases: [string, Parameters<typeof TrackedVm.start>[0], (web: TrackedVm) => void, RegExp][] = [
    ['the server forgot the tracking', {}, (web) => web.server.disks.resetTracking('web'), /cannot be trusted/],
    ['the UUID of a disk changed', {}, (web) => web.server.disks.changeUuid('web', 0), /UUID/],
    [
      'another disk is at the same key, and tracking does not show it',
      {},
      (web) =>
        web.server.disks.replace('web', 0, mixedContent(6 * 1024 * 1024 + 512, 'other'), { keepsTracking: true }),
      /UUID/,
    ],
    ['the change IDs are empty', { changeTracking: { enabled: true, changeIds: 'empty' } }, () => {}, /no change ID/],
    ['the VM does not support it', { hardwareVersion: 4 }, () => {}, /does not support/],
    ...(['gap', 'wrong-start', 'beyond-the-end', 'no-length', 'negative-length', 'area-outside'] as const).map(
      (action): [string, object, (web: TrackedVm) => void, RegExp] => [
        `the answer has the fault ${action}`,
        {},
        (web) =>
          web.server.faults.add({ on: 'changed-areas', target: 'web', query: 'changes', action } as ScriptedFault),
        /cannot be trusted/,
      ],
    ),
  ];

  test.each(cases)('%s', async (_title, vm, change, reason) => {
    await using web = await TrackedVm.start(vm);
    await web.run();
    web.server.disks.write('web', 0, 4096, bytesOf('before', 3 * 512));
    change(web);
    web.server.disks.write('web', 0, 2_000_384, bytesOf('after', 512));
    const run = await web.run();
    expect(readings(run)[0]).toBe('compared');
    expect(warnings(run).join('\n')).toMatch(reason);
    expect(await web.equalities(run.result)).toEqual([true, true]);
  });

  test('--no-cbt', async () => {
    await using web = await TrackedVm.start();
    const first = await web.run({ tracking: false });
    expect(vmOf(first)?.enabledTracking).toBeUndefined();
    web.server.disks.write('web', 1, 4096, bytesOf('x', 512));
    const run = await web.run({ tracking: false });
    expect(readings(run)).toEqual(['compared', 'compared']);
    expect(await web.equalities(run.result)).toEqual([true, true]);
  });
});

test('a disk that grew, was added or was removed', async () => {
  await using web = await TrackedVm.start();
  await web.run();
  web.server.disks.grow('web', 0, 8 * 1024 * 1024, { keepsTracking: true });
  web.server.disks.write('web', 0, 7 * 1024 * 1024, bytesOf('grown', 512));
  web.server.disks.add('web', { content: emptyContent(1024 * 1024) });
  const grown = await web.run();
  expect(readings(grown)).toEqual(['new', 'changed', 'new']);
  expect(await web.equalities(grown.result, [0, 1, 2])).toEqual([true, true, true]);
  web.server.disks.remove('web', 2);
  const removed = await web.run();
  expect(warnings(removed).join()).toContain('no longer a disk of the VM. web-disk-3.raw stays as it is');
  expect(await web.equalities(removed.result)).toEqual([true, true]);
});

describe('the audit finds what tracking hid, and repairs it', () => {
  const lies: [string, (web: TrackedVm) => void][] = [
    [
      'a write that is not tracked',
      (web) => web.server.disks.write('web', 0, 1_000_448, bytesOf('hidden', 512), { isTracked: false }),
    ],
    [
      'areas that the server forgets',
      (web) => {
        for (const offset of [131_072, 1_500_160, 3_000_320])
          web.server.disks.write('web', 0, offset, bytesOf('lost', 512));
        web.server.faults.add({
          on: 'changed-areas',
          target: 'web',
          query: 'changes',
          action: 'forget-areas',
          count: 2,
        });
      },
    ],
  ];

  test.each(lies)('%s', async (_title, lie) => {
    await using web = await TrackedVm.start();
    await web.run();
    lie(web);
    const lied = await web.run();
    expect(readings(lied)).toEqual(['changed', 'changed']);
    expect(await web.equalities(lied.result)).toEqual([false, true]);
    for (const audit of ['lease', 'nfc'] as const) {
      const run = await web.run({ audit });
      if (run.result === undefined) throw new Error('no result', { cause: run.error });
      expect(await web.equalities(run.result)).toEqual([true, true]);
      const isFirst = audit === 'lease';
      expect((vmOf(run)?.repairedBytes ?? 0) > 0).toBe(isFirst);
      expect(syncOutcome(run.result, [])?.error).toEqual(
        isFirst ? expect.objectContaining({ kind: 'image' }) : undefined,
      );
    }
  });
});

test('reads complete disks through the lease where NFC is not available, and says so', async () => {
  await using web = await TrackedVm.start();
  await web.run({ transport: 'auto' });
  web.server.disks.write('web', 0, 4096, bytesOf('x', 512));
  web.server.faults.add({ on: 'NfcGetVmFiles', action: 'soap-fault', fault: 'NotSupported', times: 10 });
  const run = await web.run({ transport: 'auto' });
  expect(readings(run)).toEqual(['compared', 'compared']);
  expect(warnings(run).join()).toContain('read through the export lease');
  expect(vmOf(run)?.disks[0]?.reason).toBe('an export lease sends complete disks');
  expect(await web.equalities(run.result)).toEqual([true, true]);
});

test('damage of an image is not covered up by a change in the same block, and the next round repairs it', async () => {
  await using web = await TrackedVm.start();
  await web.run();
  const path = join(web.scratch.output, 'web', 'web-disk-1.raw');
  const times = join(web.scratch.path, 'times');
  execFileSync('touch', ['-r', path, times]);
  const image = await readFile(path);
  image.fill(0xee, 1_300_000, 1_300_100);
  await writeFile(path, image);
  // As damage on the medium, which changes no time.
  execFileSync('touch', ['-r', times, path]);
  web.server.disks.write('web', 0, 1_100_288, bytesOf('x', 512));
  const run = await web.run();
  expect(readings(run)).toEqual(['changed', 'changed']);
  expect(warnings(run).join()).toContain('The content of web-disk-1.raw is not what was written to it');
  const next = await web.run();
  expect(readings(next)).toEqual(['compared', 'changed']);
  expect(await web.equalities(next.result)).toEqual([true, true]);
});
