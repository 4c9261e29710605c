import { join } from 'node:path';
import { expect } from '@jest/globals';
import { PreparedGuest } from '../../../../src/operations/sync/guest/prepared-guest.ts';
import { APPLIANCE_TEST_MS, emptyDisk, withSession, writeTree } from '../../../guest/make-disk.ts';
import { testWithOracle } from '../../../oracles/oracle.ts';
import { runProgram } from '../../../oracles/run-program.ts';
import { NO_FIX } from '../../fix-guest/no-fix.ts';
import { areEqual, RehearsedVm } from './rehearsed-vm.ts';
import { prepareOptions, replicaVm } from './replica-vm-fixture.ts';

const MIB = 2 ** 20;
const FSTAB = '/dev/sda1 / ext4 defaults 0 1\n';
const FIX = { ...NO_FIX, fix: 'auto' as const };

/** A disk with a Linux that has no boot loader. */
async function makeLinux(path: string): Promise<void> {
  const disk = await emptyDisk(join(path, '..'), 'tiny.img', 64 * MIB);
  await withSession([disk], false, async (session) => {
    await session.call(['part-disk', '/dev/sda', 'mbr']);
    await session.call(['mkfs', 'ext4', '/dev/sda1']);
    await session.call(['mount', '/dev/sda1', '/']);
    await writeTree(session, {
      '/etc/os-release': 'ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
      '/etc/fstab': FSTAB,
      '/sbin': { folder: true },
      '/lib': { folder: true },
    });
  });
}

testWithOracle(
  ['guestfish', 'qemu-img', 'qemu-system-x86_64'],
  'a rehearsal fixes the guest in overlays alone, and a commit brings the fix into the replica',
  async (oracles) => {
    const qemuImg = oracles['qemu-img'];
    await using tiny = await RehearsedVm.start(64 * MIB, makeLinux);
    await tiny.run();
    const before = await tiny.files();
    const run = await tiny.run({ rehearsal: { guest: FIX, hardware: 'virtio', networks: undefined } });
    const rehearsal = run.result?.synced[0]?.rehearsal;
    expect(rehearsal?.guest).toMatchObject({ outcome: 'fixed', changes: expect.arrayContaining([expect.anything()]) });
    expect(rehearsal).toMatchObject({ error: { kind: 'guest' }, bootTest: { verdict: 'failed' } });
    expect(areEqual(await tiny.files(), before)).toBe(true);

    const signal = new AbortController().signal;
    const image = join(tiny.folder, 'tiny-disk-1.qcow2');
    const replica = replicaVm(tiny.folder, 'tiny', 'qcow2', [64 * MIB]);
    const expected = join(tiny.scratch.path, 'expected.raw');
    {
      const options = { ...prepareOptions(), guest: FIX };
      await using prepared = await PreparedGuest.prepare(replica, options, { signal, step: () => {} });
      expect(areEqual(new Map([...(await tiny.files())].filter(([name]) => before.has(name))), before)).toBe(true);
      await runProgram(qemuImg, ['convert', '-f', 'qcow2', '-O', 'raw', `${image}.overlay.partial`, expected]);
      await prepared.commit(signal);
    }
    await runProgram(qemuImg, ['compare', '-q', '-f', 'raw', '-F', 'qcow2', expected, image]);
    await PreparedGuest.removeLeft(replica);
    const fstab = await withSession([{ path: image, format: 'qcow2' }], true, async (session) => {
      await session.call(['mount-ro', '/dev/sda1', '/']);
      return await session.call(['cat', '/etc/fstab']);
    });
    expect(fstab).not.toContain('/dev/sda1 /');
  },
  APPLIANCE_TEST_MS,
);
