import { join } from 'node:path';
import { expect } from '@jest/globals';
import { describeSource } from '../../../src/operations/info/describe-source.ts';
import type { GuestInfo } from '../../../src/operations/info/types.ts';
import { fixGuest } from '../../../src/operations/fix-guest/fix-guest.ts';
import { APPLIANCE_TEST_MS, imageFolder } from '../../guest/make-disk.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { makeSmallGuests } from '../fix-guest/small-guests.ts';

const { signal } = new AbortController();

async function inspected(source: string, root?: string): Promise<GuestInfo | undefined> {
  const inspect = { keys: [], root, env: process.env };
  const options = { source, inputFormat: undefined, vm: undefined, configuration: undefined, inspect };
  return (await describeSource(options, signal)).guest;
}

testWithOracle(
  'guestfish',
  'the guest of a disk is described without a change; several systems and none are named',
  async () => {
    await using folder = await imageFolder();
    await makeSmallGuests(folder.path);
    expect(await inspected(join(folder.path, 'full.img'))).toMatchObject({
      found: true,
      system: 'Debian on /dev/sdb1',
      kind: 'linux',
      root: '/dev/sda1',
      fileSystems: [
        { device: '/dev/sda1', type: 'ext4', mountPoint: '/' },
        { device: '/dev/sda2', type: 'ext4', mountPoint: '/boot' },
      ],
      kernels: [{ version: '6.1.0-1-amd64', hasInitramfs: true }],
      encrypted: [],
      virtio: { verdict: 'not-ready' },
    });
    const two = join(folder.path, 'two-roots.img');
    expect(await inspected(two)).toEqual({
      found: false,
      reason: 'There are 2 systems on the disks: Debian on /dev/sdc1 (/dev/sda1), Debian on /dev/sdc2 (/dev/sda2).',
      hint: expect.stringContaining(
        '--root /dev/sda1 for Debian on /dev/sdc1, --root /dev/sda2 for Debian on /dev/sdc2',
      ),
    });
    expect(await inspected(two, '/dev/sda2')).toMatchObject({ system: 'Debian on /dev/sdc2', root: '/dev/sda2' });

    const data = join(folder.path, 'no-system.img');
    expect(await inspected(data)).toMatchObject({ found: false, hint: expect.stringContaining('--no-system') });
    const fix = {
      fix: 'require',
      disks: [{ path: data, format: 'raw' }],
      nics: [],
      hardware: { firmware: undefined, secureBoot: false, disks: [], nics: undefined },
      keys: [],
      root: undefined,
      removeVmwareTools: false,
      virtioWin: undefined,
      planOnly: false,
    } as const;
    const context = { signal, report: () => {} };
    await expect(fixGuest(fix, context)).rejects.toMatchObject({
      message: 'There is no Linux system on the disks.',
      hint: expect.stringContaining('For a VM that has only data, use --no-system.'),
    });
    expect(await fixGuest({ ...fix, noSystem: true }, context)).toEqual({
      outcome: 'not-fixed',
      reason: 'The disks contain data and no operating system, so there is nothing to fix.',
    });
  },
  APPLIANCE_TEST_MS,
);
