import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { InterruptedError } from '../../../src/base/errors.ts';
import { forecastSeconds } from '../../../src/operations/cutover/steps/rounds.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { leftOnServer, NOTHING_LEFT } from '../export/export-run.ts';
import { CutoverScene } from './cutover-scene.ts';

testWithOracle('qemu-img', 'moves a VM: the source is off, the domain here runs on its disks', async (paths) => {
  await using scene = await CutoverScene.start([paths['qemu-img']]);
  const { result, error, events } = await scene.cutOver();
  expect(error).toBeUndefined();
  expect(result).toMatchObject({
    state: 'done',
    sign: 'guest-agent',
    domain: { isStarted: true, uri: 'qemu:///system' },
    rounds: [{ kind: 'warm' }, { kind: 'final' }],
    files: [{}, {}, { path: join(scene.folder, 'web.xml') }],
  });
  const parts = ['final-round', 'guest', 'commit', 'domain', 'start', 'wait'];
  expect(result?.downtime?.parts.map(({ step }) => step)).toEqual(parts);
  expect(await scene.sides()).toEqual(['poweredOff', 'running', 'done']);
  expect(await scene.equalities()).toEqual([true, true]);
  expect(await scene.runningTwice()).toEqual([]);
  expect(leftOnServer(scene.web.server)).toEqual(NOTHING_LEFT);
  expect(events.find(({ type }) => type === 'vm-finished')).toBeDefined();

  // The replica is not touched by `sync` any more, also not by an audit.
  const before = await scene.web.image(0);
  const synced = await scene.sync({ audit: 'lease' });
  expect(synced.result).toMatchObject({
    state: 'done',
    synced: [],
    failed: [],
    skipped: [{ vm: 'web', step: 'done' }],
  });
  expect((await scene.web.image(0)).equals(before)).toBe(true);
  expect(scene.web.server.state().vms['web']).toMatchObject({ snapshots: [], powerState: 'poweredOff' });

  // The same command has nothing to do.
  expect((await scene.cutOver()).result).toMatchObject({ state: 'done', finishedAt: result?.finishedAt, rounds: [] });

  // What the guest wrote here is lost only with --force; then everything is compared.
  await scene.writeHere(0, 300_000);
  expect((await scene.rollBack()).error).toMatchObject({ kind: 'usage', hint: expect.stringContaining('--force') });
  expect(await scene.sides()).toEqual(['poweredOff', 'running', 'done']);
  const back = await scene.rollBack({ force: true });
  expect(back.result).toMatchObject({ state: 'rolled-back', source: 'on', domain: { wasStopped: true } });
  expect(await scene.sides()).toEqual(['poweredOn', 'missing', undefined]);
  const again = await scene.sync();
  expect(again.result?.synced[0]?.disks.map(({ reading }) => reading)).toEqual(['compared', 'compared']);
  expect(await scene.equalities()).toEqual([true, true]);
  expect(await scene.runningTwice()).toEqual([]);
});

testWithOracle('qemu-img', 'without --define and --start the domain is only written', async (paths) => {
  await using scene = await CutoverScene.start([paths['qemu-img']]);
  const { result } = await scene.cutOver({ define: undefined, start: false, audit: 'lease' });
  expect(result).toMatchObject({ domain: { uri: null, isStarted: false }, sign: null });
  expect(result?.rounds).toMatchObject([{ kind: 'warm' }, { kind: 'final' }, { kind: 'audit', changedBytes: 0 }]);
  expect(await scene.virsh.log()).toEqual([]);
  expect((await scene.rollBack({ force: true })).result).toMatchObject({ source: 'on' });
  expect(await scene.equalities()).toEqual([true, true]);
});

describe('before the VM is touched', () => {
  const cases: [
    string,
    Parameters<CutoverScene['cutOver']>[0],
    object,
    (scene: CutoverScene) => Promise<void> | void,
  ][] = [
    ['an old replica', { maxAgeMs: 1 }, { kind: 'usage', message: expect.stringContaining('old') }, () => {}],
    [
      'a missing rehearsal',
      { needsRehearsal: true },
      { kind: 'guest', message: expect.stringContaining('rehearsed') },
      () => {},
    ],
    [
      'another domain of that name',
      {},
      { kind: 'local-file', message: expect.stringContaining('another VM with the name web') },
      (scene) => scene.virsh.set('defined', '11111111-2222-3333-4444-555555555555 web'),
    ],
    [
      'a file with the name of the domain',
      {},
      { kind: 'local-file', message: expect.stringContaining('web.xml already exists') },
      (scene) => writeFile(join(scene.folder, 'web.xml'), ''),
    ],
    [
      'a domain that no libvirt can take',
      { define: 'qemu:///system', env: { PATH: '/nonexistent' } },
      { kind: 'host' },
      () => {},
    ],
    [
      'a guest that changes too fast',
      { maxDowntimeSeconds: 0.001 },
      { kind: 'transfer', message: expect.stringContaining('more than --max-downtime') },
      () => {},
    ],
    [
      'a snapshot that cannot be removed',
      {},
      { kind: 'transfer', message: expect.stringContaining('is still on') },
      ({ web }) =>
        web.server.faults.add({
          on: 'RemoveSnapshot_Task',
          action: 'soap-fault',
          fault: 'GenericVmConfigFault',
          times: 9,
        }),
    ],
  ];
  testWithOracle('qemu-img', 'refusals leave the VM running, and the replica to sync', async (paths) => {
    await using scene = await CutoverScene.start([paths['qemu-img']]);
    for (const [what, choices, error, prepare] of cases) {
      await prepare(scene);
      const run = await scene.cutOver(choices);
      await scene.virsh.clear('defined');
      await rm(join(scene.folder, 'web.xml'), { force: true });
      expect([what, run.error]).toEqual([what, expect.objectContaining(error)]);
      expect(String(run.error)).toMatch(/The source was not touched: Source: powered on\./);
      expect([scene.power, await scene.step()]).toEqual(['poweredOn', undefined]);
      expect(scene.web.server.state().vms['web']?.powerHistory).toHaveLength(1);
    }
  });

  test('without a replica nothing is begun', async () => {
    await using scene = await CutoverScene.start([]);
    const elsewhere = await scene.cutOver({ vm: 'nobody' });
    expect(elsewhere.error).toMatchObject({ kind: 'not-found' });
    expect((await scene.rollBack()).error).toMatchObject({ kind: 'not-found' });
    expect(await scene.sides()).toEqual(['poweredOn', 'missing', undefined]);
  });
});

describe('a failure after the shutdown was requested', () => {
  const cases: [string, Parameters<CutoverScene['cutOver']>[0], RegExp, (scene: CutoverScene) => unknown][] = [
    [
      'the guest does not shut down',
      { shutdownLimitMs: 1000 },
      /did not shut down/,
      ({ web }) => web.server.changeVm('web', { shutdown: 'never' }),
    ],
    [
      'the final round',
      { retries: 0 },
      /CreateSnapshot_Task|snapshot/i,
      ({ web }) =>
        web.server.faults.add({
          on: 'CreateSnapshot_Task',
          action: 'soap-fault',
          fault: 'GenericVmConfigFault',
          skip: 1,
        }),
    ],
    ['libvirt refuses the domain', {}, /no such network/, (scene) => scene.virsh.set('refuse-define', '')],
    ['there is no sign of life', { startLimitMs: 1000 }, /no sign of life/, (scene) => scene.virsh.set('sign', '')],
  ];
  testWithOracle('qemu-img', 'gives the VM back to the source', async (paths) => {
    await using scene = await CutoverScene.start([paths['qemu-img']]);
    for (const [what, choices, message, prepare] of cases) {
      scene.web.server.changeVm('web', { shutdown: { afterMs: 20 } });
      await scene.virsh.clear('refuse-define');
      await prepare(scene);
      const { error } = await scene.cutOver(choices);
      expect([what, String(error)]).toEqual([what, expect.stringMatching(message)]);
      expect(String(error)).toContain('It was rolled back: Source: powered on. Here: no domain.');
      expect([what, ...(await scene.sides())]).toEqual([what, 'poweredOn', 'missing', undefined]);
      expect((await scene.sync()).result).toMatchObject({ state: 'done', skipped: [] });
      expect(await scene.equalities()).toEqual([true, true]);
      expect(await scene.runningTwice()).toEqual([]);
    }
  });

  testWithOracle('qemu-img', 'leaves the source off with --keep-off, and the same command continues', async (paths) => {
    await using scene = await CutoverScene.start([paths['qemu-img']]);
    await scene.virsh.set('refuse-define', '');
    const failed = await scene.cutOver({ keepOff: true });
    expect(failed.error).toMatchObject({ kind: 'partial', message: expect.stringContaining('Source: powered off.') });
    expect(await scene.sides()).toEqual(['poweredOff', 'missing', 'domain']);
    await scene.virsh.clear('refuse-define');
    await scene.virsh.set('sign', 'network');
    expect((await scene.cutOver()).result).toMatchObject({ state: 'done', sign: 'network' });
    expect(await scene.runningTwice()).toEqual([]);
  });

  testWithOracle('qemu-img', 'never powers the source on while the domain may run', async (paths) => {
    await using scene = await CutoverScene.start([paths['qemu-img']]);
    await scene.virsh.set('sign', '');
    await scene.virsh.set('refuse-destroy', '');
    const failed = await scene.cutOver({ startLimitMs: 1000 });
    const message = expect.stringMatching(/The rollback failed too: .* Source: powered off\. Here: web is running\./);
    expect(failed.error).toMatchObject({ kind: 'partial', message });
    expect(await scene.sides()).toEqual(['poweredOff', 'running', 'rollback']);
    expect((await scene.rollBack()).error).toMatchObject({ kind: 'host' });
    expect(scene.power).toBe('poweredOff');
    await scene.virsh.clear('refuse-destroy');
    expect((await scene.rollBack()).result).toMatchObject({ source: 'on' });
    expect(await scene.runningTwice()).toEqual([]);
  });

  testWithOracle('qemu-img', 'an interruption gives the VM back too', async (paths) => {
    await using scene = await CutoverScene.start([paths['qemu-img']]);
    const ending = new AbortController();
    const { error } = await scene.cutOver({
      signal: ending.signal,
      onEvent: (event) => {
        if (event.type === 'step' && event.step === 'start') ending.abort(new InterruptedError('SIGTERM'));
      },
    });
    expect(error).toEqual(new InterruptedError('SIGTERM'));
    expect(await scene.sides()).toEqual(['poweredOn', 'missing', undefined]);
    expect(await scene.runningTwice()).toEqual([]);
  });

  testWithOracle('qemu-img', 'stops the domain here when somebody powers the source on', async (paths) => {
    await using scene = await CutoverScene.start([paths['qemu-img']]);
    await scene.virsh.set('sign', '');
    const { error } = await scene.cutOver({
      onEvent: (event) => {
        const isWaiting = event.type === 'step' && event.detail.startsWith('Waiting up to');
        if (isWaiting) scene.web.server.changeVm('web', { powerState: 'poweredOn' });
      },
    });
    expect(error).toMatchObject({ kind: 'busy', message: expect.stringContaining('powered on again on the source') });
    expect(await scene.sides()).toEqual(['poweredOn', 'missing', undefined]);
  });
});

testWithOracle('qemu-img', 'waits for a round of sync that is running, and says so', async (paths) => {
  await using scene = await CutoverScene.start([paths['qemu-img']]);
  const held = Promise.withResolvers<void>();
  scene.web.server.faults.add({ on: 'CreateSnapshot_Task', action: 'hold', until: held.promise });
  const round = scene.sync();
  await scene.isCalled('CreateSnapshot_Task', 2);
  const cutover = scene.cutOver({
    roundLimitMs: 60_000,
    onEvent: (event) => {
      if (event.type === 'step' && event.detail.startsWith('Waiting up to 1m 00s')) held.resolve();
    },
  });
  expect((await round).result).toMatchObject({ state: 'done', synced: [{ round: 2 }] });
  const { result, events } = await cutover;
  expect(result?.state).toBe('done');
  const waits = events.flatMap((event) =>
    event.type === 'step' && /replicating|using/.test(event.detail) ? [event.detail] : [],
  );
  expect(waits).toEqual([expect.stringMatching(/^Waiting up to 1m 00s before the cutover of web: Another run is/)]);
});

test('the forecast of the downtime has the round, the fix and the boot', () => {
  const round = { isComplete: false, changedBytes: 0, fetchedBytes: 0, fetchSeconds: 10, applySeconds: 2, seconds: 15 };
  const rounds = ['2026-12-01T10:00:00Z', '2026-12-01T11:00:00Z'].map((takenAt) => ({ ...round, takenAt }));
  const rehearsal = { round: 1, takenAt: '', rehearsedAt: '', isGood: true, fixSeconds: 40, bootSeconds: 20 };
  expect(forecastSeconds({ rounds: [] }, { start: true })).toBeUndefined();
  expect(forecastSeconds({ rounds, rehearsal }, { start: true })).toBeCloseTo(63.05);
  expect(forecastSeconds({ rounds, rehearsal }, { start: false })).toBeCloseTo(43.05);
});
