import { expect } from '@jest/globals';
import {
  overallVerdict,
  type BootCheck,
  type BootSubject,
  type TargetDisk,
} from '../../../../src/guest/contract/boot-check.ts';
import { checkMounts } from '../../../../src/guest/contract/mounts.ts';
import type { BlockDevice } from '../../../../src/guest/guest.ts';
import { bootSubject, type TreeContent } from '../tree-of-files.ts';

export const ROOT: BlockDevice = { name: '/dev/sda1', disk: 0, partition: 1, type: 'ext4', uuid: 'aaaa-1' };
export const DATA: BlockDevice = { name: '/dev/sdb1', disk: 1, partition: 1, type: 'xfs', uuid: 'bbbb-1' };
export const FSTAB = 'UUID=aaaa-1 / ext4 defaults 0 1\n';

export const VIRTIO: TargetDisk[] = [
  { driver: 'virtio_blk', names: 'vd', serial: 'system' },
  { driver: 'virtio_blk', names: 'vd', serial: 'data' },
];
export const SATA: TargetDisk[] = VIRTIO.map((disk) => ({ ...disk, driver: 'ahci', names: 'sd' }));
export const SCSI: TargetDisk[] = VIRTIO.map((disk) => ({ ...disk, driver: 'virtio_scsi', names: 'sd' }));

/** A guest with its root on the first disk, and data on the second. */
export function subjectOf(
  content: TreeContent,
  { devices = [ROOT, DATA], disks = VIRTIO, ...changes }: Partial<BootSubject> & { disks?: TargetDisk[] } = {},
): BootSubject {
  const base = bootSubject({ '/etc/fstab': FSTAB, ...content });
  return { ...base, devices, hardware: { ...base.hardware, disks }, ...changes };
}

/** Returns the place and the reason of each fault. */
export async function faultsOf(subject: BootSubject): Promise<string[]> {
  const found = (await checkMounts(subject)).filter((check) => check.verdict === 'not-ready' && !check.isAdvisory);
  return found.map(({ file, line, reason }) => `${file}:${line} ${reason}`);
}

export async function verdictOf(subject: BootSubject): Promise<BootCheck['verdict']> {
  return overallVerdict(await checkMounts(subject));
}

/** Expects that exactly one check makes the `wrong` subject not ready, and that the other subject is ready. */
export async function expectOneFault(
  wrong: BootSubject,
  { file, line, reason }: { file: string; line?: number; reason: RegExp },
  right: BootSubject,
): Promise<void> {
  const checks = await checkMounts(wrong);
  expect(checks.filter(({ verdict }) => verdict !== 'ready')).toEqual([
    { area: 'mounts', verdict: 'not-ready', file, line, isAdvisory: undefined, reason: expect.stringMatching(reason) },
  ]);
  expect(await faultsOf(right)).toEqual([]);
  expect(await verdictOf(right)).toBe('ready');
}
