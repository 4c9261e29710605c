import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { kvmObstacle } from '../../../src/guest/boot/kvm-proof.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { ScratchFolder } from '../../operations/export/export-run.ts';

const { signal } = new AbortController();

/** A program in QEMU's place. */
async function fakeQemu(scratch: ScratchFolder, script: string): Promise<string> {
  const path = join(scratch.path, 'qemu');
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

testWithOracle(
  'qemu-system-x86_64',
  'the sector ends an emulated machine with the code that proves it',
  async (oracles) => {
    await using scratch = await ScratchFolder.make();
    const emulating = `exec ${oracles['qemu-system-x86_64']} $(echo "$@" | sed 's/-accel kvm/-accel tcg/')`;
    // Emulation on a busy machine takes longer than KVM may.
    expect(await kvmObstacle(await fakeQemu(scratch, emulating), signal, 100_000)).toBeUndefined();
  },
);

test('a QEMU that ends otherwise has no KVM', async () => {
  await using scratch = await ScratchFolder.make();
  expect(await kvmObstacle(await fakeQemu(scratch, 'exit 1'), signal)).toMatch(/cannot start a machine/);
});

test('a machine that takes no step has none either', async () => {
  await using scratch = await ScratchFolder.make();
  expect(await kvmObstacle(await fakeQemu(scratch, 'exec sleep 600'), signal, 1000)).toMatch(/does not run on it/);
});

test('an interruption ends the attempt', async () => {
  await using scratch = await ScratchFolder.make();
  const reason = new Error('interrupted');
  await expect(kvmObstacle(await fakeQemu(scratch, 'exec sleep 60'), AbortSignal.abort(reason))).rejects.toBe(reason);
});
