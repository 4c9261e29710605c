import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { findKernel } from '../../../../src/guest/boot/qemu/find-kernel.ts';
import { kvmObstacle } from '../../../../src/guest/boot/qemu/kvm-proof.ts';
import { testWithOracle } from '../../../oracles/oracle.ts';
import { ScratchFolder } from '../../../operations/export/export-run.ts';
import { standInQemu } from '../stand-in-qemu.ts';

const { signal } = new AbortController();
const KERNEL = { kernel: '/boot/vmlinuz', env: process.env };
/** Emulation on a busy host takes longer than the limit for KVM. */
const EMULATION_MS = 300_000;

/** Writes a script that is used in place of QEMU. */
async function fakeQemu(scratch: ScratchFolder, script: string): Promise<string> {
  const path = join(scratch.path, 'qemu');
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

/** A QEMU that emulates when KVM is requested. */
async function emulating(scratch: ScratchFolder, qemu: string): Promise<string> {
  // None of these arguments needs quoting.
  return await fakeQemu(scratch, `exec ${qemu} $(echo "$@" | sed 's/-accel kvm/-accel tcg/')`);
}

testWithOracle(
  'qemu-system-x86_64',
  'a boot sector is a proof where there is no kernel',
  async (oracles) => {
    await using scratch = await ScratchFolder.make();
    const qemu = await emulating(scratch, oracles['qemu-system-x86_64']);
    const trial = { qemu, kernel: undefined, env: process.env, limitMs: EMULATION_MS };
    expect(await kvmObstacle(trial, signal)).toBeUndefined();
  },
  2 * EMULATION_MS,
);

testWithOracle(
  // A host with guestfish has a kernel, which the libguestfs appliance needs.
  ['qemu-system-x86_64', 'guestfish'],
  'a kernel of this host boots to its end',
  async (oracles) => {
    await using scratch = await ScratchFolder.make();
    // The last argument is the kernel command line, which contains spaces.
    const qemu = await fakeQemu(
      scratch,
      `last=$(for word; do :; done; echo "$word"); words=$(echo "$@" | sed 's/-accel kvm/-accel tcg/; s/console=.*//')
      exec ${oracles['qemu-system-x86_64']} $words "$last"`,
    );
    const kernel = await findKernel(process.env);
    expect(kernel).toBeDefined();
    expect(await kvmObstacle({ qemu, kernel, env: process.env, limitMs: EMULATION_MS }, signal)).toBeUndefined();
  },
  2 * EMULATION_MS,
);

test('a KVM that runs a boot sector and stops in the middle of a kernel is found out at once', async () => {
  await using scratch = await ScratchFolder.make();
  const qemu = await standInQemu(scratch.path, 'internal-error');
  expect(await kvmObstacle({ qemu, ...KERNEL, limitMs: 100_000 }, signal)).toMatch(
    /^\/dev\/kvm exists, but KVM does not run a VM here: QEMU stopped a kernel with an internal error\.$/,
  );
});

test('a QEMU that aborts has no KVM, and its last words tell why', async () => {
  await using scratch = await ScratchFolder.make();
  const qemu = await standInQemu(scratch.path, 'abort');
  expect(await kvmObstacle({ qemu, ...KERNEL }, signal)).toMatch(/QEMU ended .* kvm_buf_set_msrs: Assertion/);
  expect(await kvmObstacle({ qemu: await fakeQemu(scratch, 'exit 1'), ...KERNEL }, signal)).toMatch(/QEMU ended/);
});

test('a VM that takes no step has none either', async () => {
  await using scratch = await ScratchFolder.make();
  const qemu = await standInQemu(scratch.path, 'hang');
  expect(await kvmObstacle({ qemu, ...KERNEL, limitMs: 1000 }, signal)).toMatch(
    /a kernel did not boot within 1 seconds/,
  );
});

test('a kernel that panics early proves nothing', async () => {
  await using scratch = await ScratchFolder.make();
  const says = `printf '%s\\r\\n' 'Linux version 6.1.0' 'Kernel panic - not syncing: Attempted to kill the idle task!' >&4`;
  const qemu = await fakeQemu(scratch, says);
  expect(await kvmObstacle({ qemu, ...KERNEL }, signal)).toMatch(/QEMU ended while it booted a kernel/);
});

test('an interruption ends the attempt', async () => {
  await using scratch = await ScratchFolder.make();
  const reason = new Error('interrupted');
  const qemu = await fakeQemu(scratch, 'exec sleep 60');
  await expect(kvmObstacle({ qemu, ...KERNEL }, AbortSignal.abort(reason))).rejects.toBe(reason);
});
