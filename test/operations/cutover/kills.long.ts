import { testWithOracle } from '../../oracles/oracle.ts';
import { CutoverScene } from './cutover-scene.ts';
import { continues, KILLS, nameOf, rollsBack } from './kills.ts';

// A process is ended with SIGKILL at each point. The table in docs/cutover.md says what this test shows.

for (const at of KILLS) {
  testWithOracle('qemu-img', `killed in ${nameOf(at)}: the same command finishes`, async (paths) => {
    await using scene = await CutoverScene.start([paths['qemu-img']], {}, { leaseTimeoutSeconds: 3 });
    await continues(scene, at);
  });
  testWithOracle('qemu-img', `killed in ${nameOf(at)}: a rollback gives the VM back`, async (paths) => {
    await using scene = await CutoverScene.start([paths['qemu-img']], {}, { leaseTimeoutSeconds: 3 });
    await rollsBack(scene, at);
  });
}
