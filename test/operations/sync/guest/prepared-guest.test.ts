import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { ReplicaImage } from '../../../../src/image/replica/replica-image.ts';
import type { ReplicaFormat } from '../../../../src/image/replica/replica-format.ts';
import { PreparedGuest } from '../../../../src/operations/sync/guest/prepared-guest.ts';
import type { ReplicaVm } from '../../../../src/operations/sync/guest/replica-vm.ts';
import { testWithOracle } from '../../../oracles/oracle.ts';
import { runProgram } from '../../../oracles/run-program.ts';
import { TemporaryFolder } from '../../../temporary-folder.ts';
import { bytesOf } from '../replica/changing-disk.ts';
import { prepareOptions, replicaVm } from './replica-vm-fixture.ts';

const CAPACITIES = [6 * 1024 * 1024 + 512, 3 * 1024 * 1024];
const ORACLES = ['qemu-img', 'qemu-io'] as const;
const signal = new AbortController().signal;
const CONTEXT = { signal, step: () => {} };

/** A replica with two images that have data in places. */
async function makeReplica(folder: string, format: ReplicaFormat): Promise<ReplicaVm> {
  const replica = replicaVm(folder, 'web', format, CAPACITIES);
  for (const [index, capacityBytes] of CAPACITIES.entries()) {
    await using image = await ReplicaImage.create(replica.images[index] ?? '', { format, capacityBytes });
    await image.write(bytesOf(`disk ${index}`, 700_000), 65_000);
  }
  return replica;
}

const areEqual = (a: readonly Buffer[], b: readonly Buffer[]): boolean[] =>
  a.map((bytes, index) => bytes.equals(b[index] ?? Buffer.alloc(0)));

const contentsOf = (replica: ReplicaVm): Promise<Buffer[]> => Promise.all(replica.images.map((path) => readFile(path)));

/** What a guest would write: data, zeros over data, and the end of the disk. */
async function writeToOverlays(qemuIo: string, { images }: ReplicaVm): Promise<void> {
  for (const [index, path] of images.entries()) {
    const end = (CAPACITIES[index] ?? 0) - 512;
    const commands = [`write -P ${0xa0 + index} 100000 300000`, 'write -z 500k 100k', `write -P 7 ${end} 512`];
    const words = commands.flatMap((command) => ['-c', command]);
    await runProgram(qemuIo, ['-f', 'qcow2', ...words, `${path}.overlay.partial`]);
  }
}

testWithOracle(ORACLES, 'overlays are private, replace old ones, and leave the images as they are', async (oracles) => {
  await using folder = await TemporaryFolder.make('prepared-');
  const replica = await makeReplica(folder.path, 'qcow2');
  const before = await contentsOf(replica);
  const names = await readdir(folder.path);
  for (const path of replica.images) {
    await writeFile(`${path}.overlay.partial`, 'left by a killed run');
    await chmod(`${path}.overlay.partial`, 0o644);
  }
  {
    await using prepared = await PreparedGuest.prepare(replica, prepareOptions(), CONTEXT);
    for (const path of replica.images) {
      expect((await stat(`${path}.overlay.partial`)).mode & 0o777).toBe(0o600);
      expect(prepared.domain).toContain(`file="${path}"`);
    }
    expect(prepared).toMatchObject({ guest: undefined, hardware: { kind: 'virtio' }, fixSeconds: expect.any(Number) });
    await writeToOverlays(oracles['qemu-io'], replica);
  }
  expect(areEqual(await contentsOf(replica), before)).toEqual([true, true]);
  expect(await readdir(folder.path)).toEqual(names);
});

for (const format of ['qcow2', 'raw'] as const) {
  testWithOracle(ORACLES, `a commit that is killed between disks is repeated, ${format}`, async (oracles) => {
    const qemuImg = oracles['qemu-img'];
    await using folder = await TemporaryFolder.make('prepared-');
    const replica = await makeReplica(folder.path, format);
    const untouched = await contentsOf(replica);
    // The first commit ends with the second disk: its qemu-img is killed.
    const killed = `case "$*" in commit*disk-2*) kill -9 $$;; esac`;
    await writeFile(join(folder.path, 'qemu-img'), `#!/bin/sh\n${killed}\nexec ${qemuImg} "$@"\n`, { mode: 0o755 });
    const env = { ...process.env, PATH: folder.path };
    {
      await using prepared = await PreparedGuest.prepare(replica, prepareOptions(env), CONTEXT);
      await writeToOverlays(oracles['qemu-io'], replica);
      for (const [index, path] of replica.images.entries()) {
        const copy = join(folder.path, `${index}.expected`);
        await runProgram(qemuImg, ['convert', '-f', 'qcow2', '-O', 'raw', `${path}.overlay.partial`, copy]);
      }
      await expect(prepared.commit(signal)).rejects.toMatchObject({ kind: 'image' });
    }
    expect(areEqual(await contentsOf(replica), untouched)).toEqual([false, true]);
    const again = { env: process.env, user: 'the test' };
    await PreparedGuest.commitAgain(replica, again, signal);
    const once = await contentsOf(replica);
    await PreparedGuest.commitAgain(replica, again, signal);
    expect(areEqual(await contentsOf(replica), once)).toEqual([true, true]);
    for (const [index, path] of replica.images.entries()) {
      const expected = join(folder.path, `${index}.expected`);
      await runProgram(qemuImg, ['compare', '-q', '-f', 'raw', '-F', format, expected, path]);
      if (format === 'qcow2') await runProgram(qemuImg, ['check', '-q', path]);
    }
    await PreparedGuest.removeLeft(replica);
    expect((await readdir(folder.path)).filter((name) => name.endsWith('.partial'))).toEqual([]);
  });
}
