import { DiskWriter } from '../../../../src/operations/sync/replica/disk-writer.ts';
import { Replica } from '../../../../src/operations/sync/replica/replica.ts';
import type { ReplicaFormat } from '../../../../src/image/replica/replica-format.ts';
import { areasOf, changesOf, contentOf } from './changing-disk.ts';

// One round of a replica whose disks change as in `changing-disk.ts`, in a process that a test kills. Prints the phases.

export const VM = { name: 'web', moRef: 'vm-1', identity: 'id-1', server: 'vc' };
export const CAPACITIES = [9 * 1024 * 1024 + 512, 3 * 1024 * 1024];

/** Brings the replica in `folder` to the version after its own. */
export async function runRound(folder: string, format: ReplicaFormat, say: (phase: string) => void): Promise<number> {
  const replica = await Replica.open(folder, 'web', { vm: VM, format, onRecovery: () => say('recovered') });
  const version = (replica.state.point?.number ?? 0) + 1;
  const tasks = await replica.plan(
    CAPACITIES.map((capacityBytes, index) => ({
      key: 2000 + index,
      label: `Hard disk ${index + 1}`,
      uuid: `u${index}`,
      capacityBytes,
      changeId: `52/${version}`,
    })),
  );
  const round = Replica.newRound();
  say('fetch');
  for (const [index, task] of tasks.entries()) {
    const { capacityBytes } = task.disk;
    const now = contentOf(`disk${index}`, version, capacityBytes);
    const isDelta = task.known !== undefined && task.doubt === undefined && version % 3 !== 0;
    const areas = isDelta
      ? areasOf(changesOf(`disk${index}`, version, capacityBytes))
      : [{ offsetBytes: 0, lengthBytes: capacityBytes }];
    await using writer = await DiskWriter.start({
      ...task,
      round,
      content: isDelta ? 'areas' : 'all',
      compareContent: task.doubt !== undefined,
    });
    for (const { offsetBytes, lengthBytes } of areas) {
      for (let at = 0; at < lengthBytes; at += 300_000) {
        const length = Math.min(300_000, lengthBytes - at);
        await writer.take(offsetBytes + at, now.subarray(offsetBytes + at, offsetBytes + at + length));
      }
    }
    await writer.finish();
  }
  say('commit');
  await replica.commit(tasks, { round, takenAt: new Date().toISOString() });
  say('apply');
  await replica.apply();
  say('done');
  return version;
}

const [, script, folder, format] = process.argv;
if (script?.endsWith('round-process.ts') && folder !== undefined && (format === 'raw' || format === 'qcow2')) {
  for (;;) await runRound(folder, format, (phase) => process.stdout.write(`${phase}\n`));
}
