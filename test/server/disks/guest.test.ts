import { describe, expect, test } from '@jest/globals';
import { setTimeout } from 'node:timers/promises';
import { emptyContent, mixedContent } from '../content-source.ts';
import type { VmOptions } from '../options.ts';
import { allChanges } from './query-changes.ts';
import { bytesOf, Scene } from './scene.ts';

const MIB = 1 << 20;
const DISKS = [{ content: mixedContent(4 * MIB, 'a') }, { content: emptyContent(2 * MIB + 512) }];

describe('a guest that writes without pause', () => {
  test('is at one point in time in each snapshot, over all disks', async () => {
    await using scene = await open();
    using guest = scene.server.disks.startGuest('vm', { recordsPerSecond: 300 });
    guest.write(100);
    const lasts: number[] = [];
    for (const name of ['one', 'two', 'three']) {
      const snapshot = await scene.takeSnapshot(name);
      const contents = DISKS.map((_, disk) => scene.server.disks.content('vm', disk, name));
      const { last, missing } = await guest.check(contents);
      expect(missing).toEqual([]);
      lasts.push(last);
      await scene.removeSnapshot(snapshot);
      guest.write(5);
    }
    expect(lasts).toEqual(lasts.toSorted((a, b) => a - b));
    expect(new Set(lasts).size).toBe(3);
    // Disks of different points in time are found out.
    const mixed = [scene.server.disks.content('vm', 0, 'one'), scene.server.disks.content('vm', 1, 'three')];
    expect((await guest.check(mixed)).missing).not.toEqual([]);
  });

  test('is copied exactly by changed areas, unless tracking misses some', async () => {
    const differing = async (untrackedEvery: number) => {
      await using scene = await open();
      using guest = scene.server.disks.startGuest('vm', { recordsPerSecond: 200, untrackedEvery });
      const copy = Buffer.alloc(4 * MIB);
      let changeId = '*';
      let rounds = 0;
      for (let round = 0; round < 5; round += 1) {
        guest.write(20);
        const snapshot = await scene.takeSnapshot(`${round}`);
        const frozen = scene.server.disks.content('vm', 0, `${round}`);
        for (const { offset, length } of await allChanges(scene, snapshot, changeId)) {
          copy.fill((await frozen.read(offset, length)) ?? 0, offset, offset + length);
        }
        changeId = (await scene.backings(snapshot))[0]?.changeId ?? '';
        await scene.removeSnapshot(snapshot);
        if (!copy.equals(await bytesOf(frozen))) rounds += 1;
      }
      return rounds;
    };
    expect(await differing(Infinity)).toBe(0);
    expect(await differing(3)).toBeGreaterThan(0);
  });

  test('pauses while its VM is off, and writes the same for the same seed', async () => {
    const logOf = async () => {
      await using scene = await open();
      using guest = scene.server.disks.startGuest('vm', { recordsPerSecond: 0, seed: 'same' });
      guest.write(5);
      scene.server.changeVm('vm', { powerState: 'poweredOff' });
      guest.write(5);
      expect(guest.log).toHaveLength(5);
      scene.server.changeVm('vm', { powerState: 'poweredOn' });
      guest.write(5);
      expect(await guest.check(DISKS.map((_, disk) => scene.server.disks.content('vm', disk)))).toMatchObject({
        last: 10,
        missing: [],
      });
      return guest.log;
    };
    expect(await logOf()).toEqual(await logOf());
  });
});

describe('merging the files of a removed snapshot', () => {
  const tryTasks = async (scene: Scene) =>
    Promise.all([
      scene.runTask('CreateSnapshot_Task', scene.vm, Scene.snapshotArguments('other')),
      scene.runTask('ConsolidateVMDisks_Task'),
      scene.runTask('PowerOffVM_Task'),
    ]);

  test('can take long: the snapshot is gone, the guest writes on, and other tasks are refused', async () => {
    await using scene = await open({ consolidationMs: 500 });
    using guest = scene.server.disks.startGuest('vm', { recordsPerSecond: 0 });
    const snapshot = await scene.takeSnapshot('s');
    const start = performance.now();
    const removal = scene.removeSnapshot(snapshot);
    while (scene.server.state().vms['vm']?.snapshots.length !== 0) await setTimeout(5);
    guest.write(10);
    expect(await tryTasks(scene)).toEqual(['TaskInProgress', 'TaskInProgress', 'TaskInProgress']);
    expect((await scene.backings(scene.vm))[0]?.fileName).toBe('[datastore1] vm/vm-000001.vmdk');
    await removal;
    expect(performance.now() - start).toBeGreaterThan(490);
    expect((await scene.backings(scene.vm))[0]?.fileName).toBe('[datastore1] vm/vm.vmdk');
    const contents = DISKS.map((_, disk) => scene.server.disks.content('vm', disk));
    expect(await guest.check(contents)).toEqual({ last: 10, missing: [] });
  });

  test('can be left undone, or fail', async () => {
    await using scene = await open();
    const { server } = scene;
    const needed = () => server.state().vms['vm'];
    server.faults.add({ on: 'consolidation', target: 'vm', action: 'leave' });
    await scene.removeSnapshot(await scene.takeSnapshot('left'));
    expect(needed()).toMatchObject({ snapshots: [], consolidationNeeded: true });
    const file = async () => (await scene.backings(scene.vm))[0]?.fileName;
    expect(await file()).toBe('[datastore1] vm/vm-000001.vmdk');
    server.faults.add({ on: 'consolidation', action: 'locked' });
    expect(await scene.runTask('ConsolidateVMDisks_Task')).toBe('FileLocked');
    expect(await scene.runTask('ConsolidateVMDisks_Task')).toBe('success');
    expect([await file(), needed()?.consolidationNeeded]).toEqual(['[datastore1] vm/vm.vmdk', false]);
    server.faults.add({ on: 'consolidation', action: 'locked' });
    const snapshot = await scene.takeSnapshot('locked');
    const args = '<removeChildren>false</removeChildren>';
    expect(await scene.runTask('RemoveSnapshot_Task', snapshot, args)).toBe('FileLocked');
    expect(needed()).toMatchObject({ snapshots: [], consolidationNeeded: true });
  });

  test('can be refused because the VM is busy: the snapshot stays', async () => {
    await using scene = await open();
    scene.server.faults.add({ on: 'task', target: 'RemoveSnapshot_Task', action: 'fail', fault: 'TaskInProgress' });
    const snapshot = await scene.takeSnapshot('s');
    const args = '<removeChildren>false</removeChildren>';
    expect(await scene.runTask('RemoveSnapshot_Task', snapshot, args)).toBe('TaskInProgress');
    expect(scene.server.state().vms['vm']?.snapshots).toEqual(['s']);
    await scene.removeSnapshot(snapshot);
    expect(scene.server.state().vms['vm']?.snapshots).toEqual([]);
  });
});

describe('the power of a VM', () => {
  test('can be left on by its guest, and be switched off', async () => {
    await using scene = await open({ shutdown: 'never' });
    const { server, client } = scene;
    expect(await client.call('ShutdownGuest', scene.vm)).toMatchObject({ fault: '' });
    await setTimeout(100);
    expect(server.state().vms['vm']?.powerState).toBe('poweredOn');
    server.changeVm('vm', { shutdown: { afterMs: 1 } });
    await client.call('ShutdownGuest', scene.vm);
    expect(await client.waitFor(scene.vm, 'runtime.powerState', 'poweredOff')).toBe('poweredOff');
    server.faults.add({ on: 'task', target: 'PowerOnVM_Task', action: 'fail', fault: 'InsufficientResourcesFault' });
    expect(await scene.runTask('PowerOnVM_Task')).toBe('InsufficientResourcesFault');
    expect(await scene.runTask('PowerOnVM_Task')).toBe('success');
    expect(await scene.runTask('PowerOffVM_Task')).toBe('success');
    const history = server.state().vms['vm']?.powerHistory ?? [];
    expect(history.map(({ state }) => state)).toEqual(['poweredOn', 'poweredOff', 'poweredOn', 'poweredOff']);
    expect(history.every(({ at }, index) => at >= (history[index - 1]?.at ?? 0))).toBe(true);
  });

  test.each([
    ['multi-writer', { multiWriter: true }],
    ['shared bus', { sharedBus: 'physicalSharing' }],
  ] as const)('a VM with a %s disk has no snapshots', async (_what, disk) => {
    await using scene = await open({ disks: [{ content: emptyContent(MIB), ...disk }] });
    const end = await scene.runTask('CreateSnapshot_Task', scene.vm, Scene.snapshotArguments('s'));
    expect(end).toBe('SnapshotIncompatibleDeviceInVm');
  });
});

async function open(vm: Partial<VmOptions> = {}): Promise<Scene> {
  return Scene.open({ powerState: 'poweredOn', disks: DISKS, changeTracking: { enabled: true }, ...vm });
}
