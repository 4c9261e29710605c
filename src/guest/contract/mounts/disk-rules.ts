import type { BootCheck, BootSubject } from '../boot-check.ts';
import { isBlacklisted, parseMultipathWwids, takesSinglePaths } from '../../config/multipath-conf.ts';
import type { DeviceNames } from '../resolve-device.ts';
import { scsiId } from '../target-names.ts';
import { linkedDevice } from '../udev-links.ts';
import { checkOf } from './wanted-device.ts';

const CONF = '/etc/multipath.conf';
const WWIDS = '/etc/multipath/wwids';
/** QEMU's SCSI disks, from `hw/scsi/scsi-disk.c`. */
const QEMU_DISK = { devnode: 'sda', vendor: 'QEMU', product: 'QEMU HARDDISK' };

/**
 * Reports links of the guest's own rules that match no disk of the target. A program may need such a link. For links
 * that fstab and crypttab name, the boot waits; they have their own checks.
 */
export function checkDiskRules(names: DeviceNames): BootCheck[] {
  return names.links
    .filter(({ name }) => !/[%$]/.test(name))
    .map(({ name, file, rule }) => {
      const at = { file, line: rule.line, isAdvisory: true } as const;
      const resolution = linkedDevice(name, names.links, names.devices, names.hardware);
      if (resolution?.state === 'found')
        return checkOf({ file, line: rule.line }, 'ready', `The rule for ${name} matches ${resolution.device.name}.`);
      const reason = `No device can be shown to get the name ${name}: ${resolution?.reason ?? 'there is no rule'}.`;
      return checkOf(at, resolution?.state === 'missing' ? 'not-ready' : 'unknown', reason);
    });
}

/**
 * Whether multipath would claim a disk of the target that it did not claim before, or no longer claims one that it
 * did.
 */
export async function checkMultipath({ files }: BootSubject, { hardware }: DeviceNames): Promise<BootCheck[]> {
  const conf = await files.read(CONF);
  const wwids = parseMultipathWwids((await files.read(WWIDS)) ?? '');
  // multipath claims SCSI and NVMe disks only; its built-in blacklist excludes virtio-blk disks.
  const disks = hardware.disks.filter((disk) => disk.names !== 'vd');
  if (disks.length === 0 || conf === undefined) return [];
  const isTaken = disks.some((disk) => wwids.some(({ wwid }) => wwid === scsiId(disk)));
  if (isTaken) return [checkOf({ file: WWIDS }, 'ready', 'multipath takes disks of the target, by their WWIDs.')];
  if (takesSinglePaths(conf) !== true || isBlacklisted(conf, QEMU_DISK)) return [];
  return [
    checkOf(
      { file: CONF },
      'unknown',
      'multipath takes disks with one path (find_multipaths), so that it may take those of the target.',
    ),
  ];
}
