import { describe, expect, test } from '@jest/globals';
import { emptyContent, mixedContent, type ContentSource } from '../content-source.ts';
import type { TestServerOptions, VmOptions } from '../options.ts';
import { allChanges, query } from './query-changes.ts';
import { bytesOf, Scene } from './scene.ts';

const MIB = 1 << 20;
const KIB = 1024;

describe('after an ID was noted', () => {
  const noted = async (change: (scene: Scene) => Promise<void> | void) => {
    await using scene = await open();
    const first = await scene.takeSnapshot('first');
    const [before] = await scene.backings(first);
    await scene.removeSnapshot(first);
    await change(scene);
    const snapshot = await scene.takeSnapshot('second');
    const answer = await query(scene, { snapshot, changeId: before?.changeId ?? '' });
    return { before, after: (await scene.backings(snapshot))[0], answer };
  };
  const content: ContentSource = mixedContent(4 * MIB, 'other');

  test('growing the disk makes it unknown, unless tracking is kept', async () => {
    const { after, answer } = await noted(({ server }) => server.disks.grow('vm', 0, 6 * MIB));
    expect([after?.capacityBytes, answer.fault]).toEqual([6 * MIB, 'FileFault']);
    const kept = await noted(({ server }) => server.disks.grow('vm', 0, 6 * MIB, { keepsTracking: true }));
    expect([kept.answer.fault, kept.answer.areas]).toEqual(['', []]);
  });

  test('another disk in its place has another UUID, and tracking that begins anew or lies', async () => {
    const { before, after, answer } = await noted(({ server }) => server.disks.replace('vm', 0, content));
    expect([after?.key, after?.fileName, answer.fault]).toEqual([before?.key, before?.fileName, 'FileFault']);
    expect(after?.uuid).not.toBe(before?.uuid);
    const lie = await noted(({ server }) => server.disks.replace('vm', 0, content, { keepsTracking: true }));
    expect([lie.answer.fault, lie.answer.areas]).toEqual(['', []]);
    const renamed = await noted(({ server }) => server.disks.changeUuid('vm', 0));
    expect([renamed.after?.uuid === renamed.before?.uuid, renamed.answer.fault]).toEqual([false, '']);
  });

  test('a disk that was removed and added again is another one, at the same key', async () => {
    const { before, after, answer } = await noted(({ server }) => {
      server.disks.remove('vm', 0);
      expect(server.disks.add('vm', { content })).toBe(0);
    });
    expect([after?.key, after?.uuid === before?.uuid, answer.fault]).toEqual(['2000', false, 'FileFault']);
  });

  test('reverting the VM makes it unknown, as does tracking that begins anew', async () => {
    const { answer } = await noted(async (scene) => {
      const snapshot = await scene.takeSnapshot('good');
      scene.server.disks.write('vm', 0, 0, Buffer.from('bad'));
      scene.server.disks.revert('vm', 'good');
      expect(await bytesOf(scene.server.disks.content('vm', 0))).toEqual(
        await bytesOf(scene.server.disks.content('vm', 0, 'good')),
      );
      await scene.removeSnapshot(snapshot);
    });
    expect(answer.fault).toBe('FileFault');
    const reset = await noted(({ server }) => server.disks.resetTracking('vm'));
    expect(reset.answer).toMatchObject({ fault: 'FileFault', reason: 'msg.cbt.noEpoch' });
  });

  test('a write that tracking misses is in no area', async () => {
    const { answer } = await noted(({ server }) =>
      server.disks.write('vm', 0, 0, Buffer.from('missed'), { isTracked: false }),
    );
    expect([answer.fault, answer.areas]).toEqual(['', []]);
  });
});

describe('an answer can be wrong:', () => {
  /** A disk whose areas are at 1 and 2 MiB, in windows of 3 MiB. The second window is asked at 3 MiB. */
  const ask = async (action: Parameters<Scene['server']['faults']['add']>[0], startOffset = 0) => {
    await using scene = await open(
      { disks: [{ content: emptyContent(5 * MIB) }] },
      { changeWindows: { areas: 100, spanBytes: 3 * MIB } },
    );
    const first = await scene.takeSnapshot('first');
    for (const place of [1, 2]) scene.server.disks.write('vm', 0, place * MIB, { zeros: 1 });
    const second = await scene.takeSnapshot('second');
    const changeId = (await scene.backings(first))[0]?.changeId ?? '';
    scene.server.faults.add(action);
    const lie = await query(scene, { snapshot: second, changeId, startOffset });
    expect(scene.server.faults.pending).toEqual([]);
    expect(await allChanges(scene, second, changeId)).toEqual(TRUE_AREAS);
    return lie;
  };
  const area = (offset: number, length = 64 * KIB) => ({ offset, length });
  const TRUE_AREAS = [area(MIB), area(2 * MIB)];
  const TRUE = { fault: '', startOffset: 0, length: 3 * MIB, areas: TRUE_AREAS };

  test.each([
    ['forget-areas', { areas: [area(2 * MIB)] }],
    ['gap', { startOffset: 64 * KIB, length: 3 * MIB - 64 * KIB }],
    ['wrong-start', { startOffset: 512 }],
    ['beyond-the-end', { length: 5 * MIB + 64 * KIB }],
    ['no-length', { length: 0, areas: [] }],
    ['negative-length', { length: -64 * KIB }],
    ['area-outside', { areas: [...TRUE_AREAS, area(3 * MIB)] }],
    ['area-of-negative-length', { areas: [area(0, -512), ...TRUE_AREAS] }],
    ['areas-twice', { areas: TRUE_AREAS.flatMap((each) => [each, each]) }],
    ['areas-reversed', { areas: TRUE_AREAS.toReversed() }],
  ] as const)('%s', async (action, wrong) => {
    expect(await ask({ on: 'changed-areas', action })).toMatchObject({ ...TRUE, ...wrong });
  });

  test('the areas that are forgotten are in a window that has some', async () => {
    const fault = { on: 'changed-areas', action: 'forget-areas', count: 2 } as const;
    expect((await ask(fault)).areas).toEqual([]);
  });

  test('a window after the first begins too early', async () => {
    const lie = await ask({ on: 'changed-areas', action: 'wrong-start' }, 3 * MIB);
    expect(lie).toMatchObject({ startOffset: 3 * MIB - 512, areas: [] });
  });

  test.each(['noTrack', 'noEpoch', 'cannotGetChanges'] as const)('there are none because of %s', async (reason) => {
    const answer = await ask({ on: 'changed-areas', query: 'changes', action: 'no-changes', reason });
    expect(answer).toMatchObject({ fault: 'FileFault', reason: `msg.cbt.${reason}` });
  });
});

async function open(vm: Partial<VmOptions> = {}, options: TestServerOptions = {}): Promise<Scene> {
  const disks = [{ content: mixedContent(4 * MIB, 'system') }];
  return Scene.open({ powerState: 'poweredOn', disks, changeTracking: { enabled: true }, ...vm }, options);
}
