import { describe, expect, test } from '@jest/globals';
import { emptyContent, mixedContent, sparseContent } from '../content-source.ts';
import type { ChangeTrackingOptions, TestServerOptions, VmOptions } from '../options.ts';
import { allChanges, query } from './query-changes.ts';
import { Scene } from './scene.ts';

const MIB = 1 << 20;
const KIB = 1024;
const GIB = 1024 * MIB;

test('what is tracked: from the first snapshot on, per disk, in blocks, and to any later point', async () => {
  const content = emptyContent(4 * MIB);
  await using scene = await open({
    disks: [
      { content },
      { content, mode: 'independent_persistent' },
      { content, rawDeviceMapping: 'physicalMode' },
      { content, rawDeviceMapping: 'virtualMode', mode: 'persistent' },
    ],
    changeTracking: {},
  });
  const ids = async (target = scene.vm) => (await scene.backings(target)).map(({ changeId }) => changeId);
  expect(await ids()).toEqual(['', '', '', '']);
  expect(await enable(scene)).toBe('success');
  expect([await scene.property('config.changeTrackingEnabled'), await ids()]).toEqual(['true', ['', '', '', '']]);
  const first = await scene.takeSnapshot('first');
  const [id = '', independent, physical, virtual] = await ids(first);
  expect([independent, physical, virtual]).toEqual(['', '', expect.stringMatching(/^52 /)]);
  expect(await allChanges(scene, first, id)).toEqual([]);
  scene.server.disks.write('vm', 0, 100 * KIB, Buffer.alloc(1, 1));
  scene.server.disks.write('vm', 0, 4 * MIB - 512, Buffer.alloc(512, 1));
  const second = await scene.takeSnapshot('second');
  scene.server.disks.write('vm', 0, MIB, Buffer.alloc(1, 1));
  const third = await scene.takeSnapshot('third');
  const changes = [
    { offset: 64 * KIB, length: 64 * KIB },
    { offset: 4 * MIB - 64 * KIB, length: 64 * KIB },
  ];
  expect(await allChanges(scene, second, id)).toEqual(changes);
  expect(await allChanges(scene, third, id)).toEqual([changes[0], { offset: MIB, length: 64 * KIB }, changes[1]]);
  const [secondId = ''] = await ids(second);
  expect(await allChanges(scene, third, secondId)).toEqual([{ offset: MIB, length: 64 * KIB }]);
  // An ID stays good when its snapshot is gone, but not for an earlier point.
  await scene.removeSnapshot(first);
  await scene.removeSnapshot(second);
  expect(await allChanges(scene, third, id)).toHaveLength(3);
  expect(await query(scene, { snapshot: third, changeId: (await ids(third))[0] ?? '' })).toMatchObject({ fault: '' });
  expect(await query(scene, { snapshot: third, changeId: `${id.split('/')[0]}/99` })).toMatchObject({
    fault: 'FileFault',
  });
});

test('a VM that is off tells changes without a snapshot, up to now', async () => {
  await using scene = await open();
  const first = await scene.takeSnapshot('first');
  const [backing] = await scene.backings(first);
  await scene.removeSnapshot(first);
  const id = backing?.changeId ?? '';
  scene.server.disks.write('vm', 0, 0, Buffer.from('x'));
  expect(await query(scene, { changeId: id })).toMatchObject({ fault: 'FileFault' });
  expect(await scene.runTask('PowerOffVM_Task')).toBe('success');
  const off = (await scene.backings(scene.vm))[0]?.changeId ?? '';
  expect(off).not.toBe(id);
  expect(await allChanges(scene, undefined, id)).toEqual([{ offset: 0, length: 64 * KIB }]);
  expect(await allChanges(scene, undefined, off)).toEqual([]);
  scene.server.disks.write('vm', 0, MIB, Buffer.from('x'));
  expect(await allChanges(scene, undefined, off)).toEqual([{ offset: MIB, length: 64 * KIB }]);
  expect(await scene.runTask('PowerOnVM_Task')).toBe('success');
  expect((await scene.backings(scene.vm))[0]?.changeId).not.toBe(off);
});

test('tracking does not begin while the VM has snapshots from before, or is refused then', async () => {
  await using scene = await open({ changeTracking: {}, snapshots: [{ name: 'old' }] });
  const idOf = async (target: string) => (await scene.backings(target))[0]?.changeId ?? '';
  expect(await enable(scene)).toBe('success');
  const early = await scene.takeSnapshot('early');
  expect([await idOf(early), await scene.property('config.changeTrackingEnabled')]).toEqual(['', 'true']);
  expect(await query(scene, { snapshot: early, changeId: '*' })).toMatchObject({ fault: 'FileFault' });
  expect(await scene.runTask('RemoveAllSnapshots_Task')).toBe('success');
  const late = await scene.takeSnapshot('late');
  expect(await idOf(late)).toMatch(/^52 /);

  await using strict = await open({ changeTracking: { withSnapshots: 'refused' }, snapshots: [{ name: 'old' }] });
  expect(await enable(strict)).toBe('InvalidState');
  expect(await strict.property('config.changeTrackingEnabled')).toBe('false');
});

test.each<[string, Partial<VmOptions>, string]>([
  ['hardware version 4', { hardwareVersion: 4 }, 'vmx-04'],
  ['a VM that does not support it', { changeTracking: { supported: false } }, 'vmx-19'],
])('%s is not tracked', async (_what, vm, version) => {
  await using scene = await open({ changeTracking: {}, ...vm });
  expect(await scene.property('config.version')).toBe(version);
  expect(await scene.property('capability.changeTrackingSupported')).toBe('false');
  expect(await enable(scene)).toBe('NotSupported');
});

test('tracking can be switched on by configuration only: the IDs stay empty', async () => {
  await using scene = await open({ changeTracking: { enabled: true, changeIds: 'empty' } });
  const snapshot = await scene.takeSnapshot('s');
  expect([await scene.property('config.changeTrackingEnabled'), (await scene.backings(snapshot))[0]?.changeId]).toEqual(
    ['true', ''],
  );
  expect(await query(scene, { snapshot, changeId: '52 00/1' })).toMatchObject({ fault: 'InvalidArgument' });
});

describe('the ID *', () => {
  const holes = sparseContent(4 * GIB, [{ offsetBytes: GIB + 5, lengthBytes: MIB, fill: 'random' }], 'x');
  const ask = async (changeTracking: ChangeTrackingOptions) => {
    await using scene = await open({
      disks: [{ content: holes }],
      changeTracking: { enabled: true, ...changeTracking },
    });
    scene.server.disks.write('vm', 0, 3 * GIB, { zeros: 512 });
    const snapshot = await scene.takeSnapshot('s');
    const answer = await query(scene, { snapshot, changeId: '*' });
    return answer.fault === '' ? await allChanges(scene, snapshot, '*') : answer.fault;
  };

  test('names what is allocated', async () => {
    expect(await ask({})).toEqual([
      { offset: GIB, length: MIB + 64 * KIB },
      { offset: 3 * GIB, length: 64 * KIB },
    ]);
  });

  test('can name the whole disk, or be a fault', async () => {
    expect(await ask({ allocated: 'whole' })).toEqual([{ offset: 0, length: 4 * GIB }]);
    expect(await ask({ allocated: 'fault' })).toBe('FileFault');
  });
});

test('windows have at most so many areas and bytes, no gaps, and can be empty', async () => {
  await using scene = await open(
    { disks: [{ content: emptyContent(8 * MIB + 512) }] },
    { changeWindows: { areas: 2, spanBytes: 3 * MIB } },
  );
  const first = await scene.takeSnapshot('first');
  for (const place of [0, 2, 4, 6, 8]) scene.server.disks.write('vm', 0, place * 64 * KIB, { zeros: 1 });
  scene.server.disks.write('vm', 0, 8 * MIB - 1, { zeros: 513 });
  const second = await scene.takeSnapshot('second');
  const changeId = (await scene.backings(first))[0]?.changeId ?? '';
  const windows: [number, number, number][] = [];
  for (let at = 0; at < 8 * MIB + 512;) {
    const { startOffset, length, areas } = await query(scene, { snapshot: second, changeId, startOffset: at });
    windows.push([startOffset, length, areas.length]);
    at += length;
  }
  expect(windows).toEqual([
    [0, 256 * KIB, 2],
    [256 * KIB, 256 * KIB, 2],
    [512 * KIB, 3 * MIB, 1],
    [512 * KIB + 3 * MIB, 3 * MIB, 0],
    [512 * KIB + 6 * MIB, 1536 * KIB + 512, 1],
  ]);
  expect((await allChanges(scene, second, changeId)).at(-1)).toEqual({
    offset: 8 * MIB - 64 * KIB,
    length: 64 * KIB + 512,
  });
});

test('what is asked wrongly is refused', async () => {
  await using scene = await open({}, { missingPrivileges: [] });
  const snapshot = await scene.takeSnapshot('s');
  const changeId = (await scene.backings(snapshot))[0]?.changeId ?? '';
  for (const question of [
    { startOffset: 4 * MIB },
    { startOffset: -1 },
    { deviceKey: 2001 },
    { changeId: '' },
    { changeId: 'x/1' },
    { snapshot: 'VirtualMachineSnapshot:snapshot-1' },
  ]) {
    const answer = await query(scene, { snapshot, changeId, ...question });
    expect(answer.fault).toBe('snapshot' in question ? 'ManagedObjectNotFound' : 'InvalidArgument');
  }
  await using poor = await open({}, { missingPrivileges: ['VirtualMachine.Provisioning.DiskRandomRead'] });
  expect(await query(poor, { changeId: '*' })).toMatchObject({ fault: 'NoPermission' });
  await using fixed = await open({}, { missingPrivileges: ['VirtualMachine.Config.ChangeTracking'] });
  expect(await enable(fixed)).toBe('NoPermission');
});

async function enable(scene: Scene): Promise<string> {
  const spec = '<spec><changeTrackingEnabled>true</changeTrackingEnabled></spec>';
  return scene.runTask('ReconfigVM_Task', scene.vm, spec);
}

async function open(vm: Partial<VmOptions> = {}, options: TestServerOptions = {}): Promise<Scene> {
  const disks = [{ content: mixedContent(4 * MIB, 'system') }];
  return Scene.open({ powerState: 'poweredOn', disks, changeTracking: { enabled: true }, ...vm }, options);
}
