import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, truncate, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import type { ReplicaFormat } from '../../../../src/image/replica/replica-format.ts';
import { DiskWriter } from '../../../../src/operations/sync/replica/disk-writer.ts';
import { Replica } from '../../../../src/operations/sync/replica/replica.ts';
import { testWithOracle } from '../../../oracles/oracle.ts';
import { runProgram } from '../../../oracles/run-program.ts';
import { TemporaryFolder } from '../../../temporary-folder.ts';
import { contentOf, numberOf } from './changing-disk.ts';
import { CAPACITIES, runRound, VM } from './round-process.ts';

const SCRIPT = fileURLToPath(new URL('round-process.ts', import.meta.url));

async function openReplica(folder: string, format: ReplicaFormat): Promise<Replica> {
  return await Replica.open(folder, 'web', { vm: VM, format, onRecovery: () => {} });
}

/** The file of a disk and its expected content. */
function diskOf(
  folder: string,
  format: ReplicaFormat,
  version: number,
  index: number,
): { path: string; expected: Buffer } {
  const path = join(folder, `web-disk-${index + 1}.${format === 'raw' ? 'raw' : 'qcow2'}`);
  return { path, expected: contentOf(`disk${index}`, version, CAPACITIES[index] ?? 0) };
}

test('a raw replica follows the disk, and unwritten ranges stay holes', async () => {
  await using folder = await TemporaryFolder.make('replica-');
  for (let version = 1; version <= 5; version += 1) {
    expect(await runRound(folder.path, 'raw', () => {})).toBe(version);
    for (const index of CAPACITIES.keys()) {
      const { path, expected } = diskOf(folder.path, 'raw', version, index);
      expect((await readFile(path)).equals(expected)).toBe(true);
    }
  }
});

testWithOracle('qemu-img', 'a qcow2 replica passes qemu-img check and compare after each round', async (oracles) => {
  await using folder = await TemporaryFolder.make('replica-');
  for (let version = 1; version <= 4; version += 1) {
    await runRound(folder.path, 'qcow2', () => {});
    for (const index of CAPACITIES.keys()) {
      const { path, expected } = diskOf(folder.path, 'qcow2', version, index);
      const raw = join(folder.path, 'expected.raw');
      await writeFile(raw, expected);
      await runProgram(oracles['qemu-img'], ['check', '-q', path]);
      await runProgram(oracles['qemu-img'], ['compare', '-q', '-f', 'raw', '-F', 'qcow2', raw, path]);
    }
  }
});

test.each(['fetch', 'apply'])('loses nothing when it is killed during %s', async (phase) => {
  await using folder = await TemporaryFolder.make('replica-');
  let recoveries = 0;
  for (let kill = 0; kill < 6; kill += 1) {
    const child = spawn(process.execPath, [SCRIPT, folder.path, 'raw'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const wait = numberOf(`${phase}${kill}`, 12);
    const killed = once(child, 'exit');
    let seen = 0;
    for await (const text of child.stdout.setEncoding('utf8')) {
      // Not in the first round, so that there is a replica to lose.
      seen += String(text)
        .split('\n')
        .filter((line) => line === phase).length;
      if (seen < 2) continue;
      await pause(wait);
      child.kill('SIGKILL');
      break;
    }
    await killed;
    const replica = await Replica.open(folder.path, 'web', {
      vm: VM,
      format: 'raw',
      onRecovery: () => (recoveries += 1),
    });
    const version = replica.state.point?.number ?? 0;
    expect(version).toBeGreaterThan(0);
    for (const index of CAPACITIES.keys()) {
      const { path, expected } = diskOf(folder.path, 'raw', version, index);
      expect((await readFile(path)).equals(expected)).toBe(true);
    }
  }
  // Kills at random times during the application hit it at least once.
  if (phase === 'apply') expect(recoveries).toBeGreaterThan(0);
});

/** Compares the complete content of a replica with a new state of its disks. */
async function compareAll(
  folder: string,
  version: number,
): Promise<{ changedBytes: number; doubts: (string | undefined)[] }> {
  const replica = await openReplica(folder, 'raw');
  const disks = (replica.state.point?.disks ?? []).map((disk) => ({
    ...disk,
    uuid: disk.uuid ?? undefined,
    changeId: 'x',
  }));
  const tasks = await replica.plan(disks);
  const round = Replica.newRound();
  let changedBytes = 0;
  for (const [index, task] of tasks.entries()) {
    const compareContent = task.doubt !== undefined;
    await using writer = await DiskWriter.start({ ...task, round, content: 'all', compareContent });
    await writer.take(0, contentOf(`disk${index}`, version, task.disk.capacityBytes));
    await writer.finish();
    changedBytes += writer.counts.changedBytes;
  }
  await replica.commit(tasks, { round, takenAt: new Date().toISOString() });
  await replica.apply();
  return { changedBytes, doubts: tasks.map(({ doubt }) => doubt) };
}

test('a round without changes writes nothing', async () => {
  await using folder = await TemporaryFolder.make('replica-');
  await runRound(folder.path, 'raw', () => {});
  expect(await compareAll(folder.path, 1)).toEqual({ changedBytes: 0, doubts: [undefined, undefined] });
});

test('compares the content after another program wrote to the image, and repairs it', async () => {
  await using folder = await TemporaryFolder.make('replica-');
  await runRound(folder.path, 'raw', () => {});
  const { path, expected } = diskOf(folder.path, 'raw', 1, 0);
  const damaged = Buffer.from(expected);
  damaged.fill(0xee, 5_000_000, 5_000_600);
  await writeFile(path, damaged);
  await utimes(path, new Date(), new Date());
  const { changedBytes, doubts } = await compareAll(folder.path, 1);
  expect(doubts).toEqual(['another program wrote to its image', undefined]);
  expect(changedBytes).toBe(4096);
  expect((await readFile(path)).equals(expected)).toBe(true);
});

test('a damaged redo log makes the next round compare all of the disk', async () => {
  await using folder = await TemporaryFolder.make('replica-');
  await runRound(folder.path, 'raw', () => {});
  const replica = await openReplica(folder.path, 'raw');
  const disks = (replica.state.point?.disks ?? []).map((disk) => ({
    ...disk,
    uuid: disk.uuid ?? undefined,
    changeId: 'y',
  }));
  const tasks = await replica.plan(disks);
  const round = Replica.newRound();
  for (const [index, task] of tasks.entries()) {
    await using writer = await DiskWriter.start({ ...task, round, content: 'all', compareContent: false });
    await writer.take(0, contentOf(`disk${index}`, 2, task.disk.capacityBytes));
    await writer.finish();
  }
  await replica.commit(tasks, { round, takenAt: new Date().toISOString() });
  const log = tasks[0]?.files.redo ?? '';
  await truncate(log, (await readFile(log)).length - 100);
  const opened = await openReplica(folder.path, 'raw');
  expect(opened.state.point?.disks.map(({ mustCompare }) => mustCompare)).toEqual([true, false]);
  await compareAll(folder.path, 2);
  const { path, expected } = diskOf(folder.path, 'raw', 2, 0);
  expect((await readFile(path)).equals(expected)).toBe(true);
});

test('missing digests are made again from the content', async () => {
  await using folder = await TemporaryFolder.make('replica-');
  await runRound(folder.path, 'raw', () => {});
  await unlink(join(folder.path, '.web-disk-1.raw.hyper2kvm-digests'));
  expect((await compareAll(folder.path, 1)).doubts).toEqual(['its digests are missing', undefined]);
  expect(await compareAll(folder.path, 1)).toEqual({ changedBytes: 0, doubts: [undefined, undefined] });
});

test('refuses a damaged record, and the replica of another VM', async () => {
  await using folder = await TemporaryFolder.make('replica-');
  await runRound(folder.path, 'raw', () => {});
  const other = Replica.open(folder.path, 'web', {
    vm: { ...VM, identity: 'id-2' },
    format: 'raw',
    onRecovery: () => {},
  });
  await expect(other).rejects.toThrow('has the replica of another VM, web');
  const record = join(folder.path, '.web.hyper2kvm-replica');
  await writeFile(record, (await readFile(record, 'utf8')).replace('"number": 1', '"number": 2'));
  await expect(openReplica(folder.path, 'raw')).rejects.toThrow('is damaged');
});
