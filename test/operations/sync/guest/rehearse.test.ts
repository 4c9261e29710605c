import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { syncOutcome } from '../../../../src/operations/sync/sync-outcome.ts';
import type { GuestOptions } from '../../../../src/operations/sync/types.ts';
import { tinyGuest } from '../../../guest/boot/boot-sector.ts';
import { testWithOracle } from '../../../oracles/oracle.ts';
import { leftOnServer, NOTHING_LEFT } from '../../export/export-run.ts';
import { NO_FIX } from '../../fix-guest/no-fix.ts';
import { bytesOf } from '../replica/changing-disk.ts';
import type { SyncRun } from '../sync-run.ts';
import { areEqual, RehearsedVm } from './rehearsed-vm.ts';

const ORACLES = ['qemu-system-x86_64', 'qemu-img'] as const;
const LIMIT_MS = 300_000;
const MIB = 2 ** 20;

const REHEARSAL: GuestOptions = { guest: NO_FIX, hardware: 'auto', networks: undefined };

function startTiny(text: string): Promise<RehearsedVm> {
  const disk = Buffer.alloc(4 * MIB);
  tinyGuest({ text }).copy(disk);
  return RehearsedVm.start(disk.length, (path) => writeFile(path, disk));
}

testWithOracle(
  ORACLES,
  'a rehearsal boots the guest of the replica, records it, and does not touch the replica',
  async (paths) => {
    await using tiny = await startTiny('tiny login: ');
    const first = await tiny.run();
    expect(first.error).toBeUndefined();
    expect((await tiny.state())?.rehearsal).toBeUndefined();
    const before = await tiny.files();
    expect([...before.keys()]).toEqual(['.tiny-disk-1.qcow2.hyper2kvm-digests', 'tiny-disk-1.qcow2']);

    // The fix looks for a guest on the overlays, and then for guestfish.
    const programs = join(tiny.scratch.path, 'programs');
    await mkdir(programs);
    for (const name of ORACLES) await symlink(paths[name], join(programs, name));
    const env = { ...process.env, PATH: programs, XDG_STATE_HOME: join(tiny.scratch.path, 'state') };
    const guest = { ...NO_FIX, fix: 'auto' as const };
    const run = await tiny.run({ rehearsal: { ...REHEARSAL, guest }, env });
    const [vm] = run.result?.synced ?? [];
    expect(vm?.rehearsal).toMatchObject({
      takenAt: vm?.takenAt,
      guest: { outcome: 'not-fixed', reason: 'guestfish of libguestfs is not installed on this host.' },
      hardware: { kind: expect.any(String) },
      bootTest: { verdict: 'booted', loginPromptSeconds: expect.any(Number), target: vm?.output },
      fixSeconds: expect.any(Number),
      bootSeconds: expect.any(Number),
    });
    expect(vm?.rehearsal?.error).toBeUndefined();
    expect(vm?.downtime).toMatchObject({
      seconds: expect.any(Number),
      bootSeconds: vm?.rehearsal?.bootSeconds,
      missing: [],
    });
    expect(run.result?.state).toBe('done');
    expect((await tiny.state())?.rehearsal).toMatchObject({ round: 2, takenAt: vm?.takenAt, isGood: true });
    expect(areEqual(await tiny.files(), before)).toBe(true);

    // The next round sees no write of another program: it reads what changed.
    tiny.server.disks.write('tiny', 0, 2 * MIB, bytesOf('x', 512));
    const next = await tiny.run();
    expect(next.result?.synced[0]?.disks).toMatchObject([{ reading: 'changed', changedBytes: 4096 }]);
    expect((await tiny.state())?.rehearsal).toMatchObject({ round: 2, isGood: true });
    expect(leftOnServer(tiny.server)).toEqual(NOTHING_LEFT);
  },
  LIMIT_MS,
);

testWithOracle(
  ORACLES,
  'a guest that does not come up fails the run with exit code 16, and the replica stays good',
  async () => {
    await using tiny = await startTiny('Kernel panic - not syncing: no root');
    let other: Promise<SyncRun> | undefined;
    const run = await tiny.run({
      rehearsal: REHEARSAL,
      onEvent: (event) => {
        if (event.type === 'step' && event.step === 'boot-test') other ??= tiny.run();
      },
    });
    // No round begins while the guest boots.
    expect((await other)?.error).toMatchObject({ kind: 'busy' });
    if (run.result === undefined) throw new Error('no result', { cause: run.error });
    expect(run.result).toMatchObject({
      state: 'partial',
      synced: [
        {
          round: 1,
          rehearsal: {
            error: { kind: 'guest', message: expect.stringMatching(/^tiny did not come up/) },
            bootSeconds: null,
          },
        },
      ],
    });
    expect(syncOutcome(run.result, [])?.error).toMatchObject({
      kind: 'guest',
      message: expect.stringMatching(/^The rehearsal of tiny failed: /),
      hint: expect.stringContaining('The replica is complete'),
    });
    expect((await tiny.state())?.rehearsal).toMatchObject({ round: 1, isGood: false, problem: expect.any(String) });
    expect([...(await tiny.files()).keys()]).toEqual(['.tiny-disk-1.qcow2.hyper2kvm-digests', 'tiny-disk-1.qcow2']);
    expect((await tiny.run()).result).toMatchObject({ state: 'done', synced: [{ round: 2, changedBytes: 0 }] });
  },
  LIMIT_MS,
);

testWithOracle('qemu-img', 'a fix that fails leaves the replica as it was, and no overlay', async () => {
  await using tiny = await startTiny('tiny login: ');
  const broken = '#!/bin/sh\necho "guestfish: error: out of order" >&2\nexit 1\n';
  await writeFile(join(tiny.scratch.path, 'guestfish'), broken, { mode: 0o755 });
  const env = { ...process.env, XDG_STATE_HOME: join(tiny.scratch.path, 'state') };
  await tiny.run({ env });
  const before = await tiny.files();
  const rehearsal = { ...REHEARSAL, guest: { ...NO_FIX, fix: 'require' as const } };
  const path = `${tiny.scratch.path}:${process.env['PATH']}`;
  const run = await tiny.run({ rehearsal, env: { ...env, PATH: path } });
  expect(run.result).toMatchObject({
    state: 'partial',
    synced: [{ round: 2, rehearsal: { error: { kind: 'guest' }, fixSeconds: null } }],
  });
  expect(areEqual(await tiny.files(), before)).toBe(true);
});

test('a host that cannot rehearse is refused before anything is read', async () => {
  await using tiny = await startTiny('tiny login: ');
  const env = { PATH: tiny.scratch.path, XDG_STATE_HOME: join(tiny.scratch.path, 'state') };
  const run = await tiny.run({ rehearsal: REHEARSAL, env });
  expect(run.error).toMatchObject({ kind: 'host', message: expect.stringContaining('The rehearsal of tiny') });
  expect(await tiny.state()).toBeUndefined();
  expect(leftOnServer(tiny.server)).toEqual(NOTHING_LEFT);
});
