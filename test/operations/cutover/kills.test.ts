import { expect } from '@jest/globals';
import { testWithOracle } from '../../oracles/oracle.ts';
import { CutoverScene } from './cutover-scene.ts';
import { continues, KILLS, nameOf, rollsBack, type Kill } from './kills.ts';

// All points are in kills.long.ts.

const LEASE_SECONDS = 3;

/** The points where a mistake would cost the most. */
const CHOSEN = new Set(['final-round:disk-started', 'commit', 'start, after virsh start']);

for (const at of KILLS.filter((each) => CHOSEN.has(nameOf(each)))) {
  testWithOracle('qemu-img', `killed in ${nameOf(at)}: the same command finishes`, async (paths) => {
    await using scene = await CutoverScene.start([paths['qemu-img']], {}, { leaseTimeoutSeconds: LEASE_SECONDS });
    await continues(scene, at);
  });
}

const STARTED: Kill = { at: 'start', after: 'start', sides: ['poweredOff', 'running'] };

testWithOracle(
  'qemu-img',
  'killed, and powered on by somebody: the rounds begin again, and nothing is lost',
  async (paths) => {
    await using scene = await CutoverScene.start([paths['qemu-img']], {}, { leaseTimeoutSeconds: LEASE_SECONDS });
    await scene.killed('start');
    scene.web.server.changeVm('web', { powerState: 'poweredOn' });
    scene.web.server.disks.write('web', 0, 4096, Buffer.alloc(3000, 6));
    const { error, result } = await scene.cutOver();
    expect(error).toBeUndefined();
    expect(result?.rounds).toMatchObject([{ kind: 'warm' }, { kind: 'final' }]);
    expect(await scene.sides()).toEqual(['poweredOff', 'running', 'done']);
    expect(await scene.equalities()).toEqual([true, true]);
    expect(await scene.runningTwice()).toEqual([]);
  },
);

testWithOracle('qemu-img', 'killed after the start of the domain: a rollback stops it first', async (paths) => {
  await using scene = await CutoverScene.start([paths['qemu-img']], {}, { leaseTimeoutSeconds: LEASE_SECONDS });
  await rollsBack(scene, STARTED);
});
