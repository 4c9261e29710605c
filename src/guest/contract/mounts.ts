import { rootDevice, type BlockDevice } from '../guest.ts';
import type { BootCheck, BootCheckReader } from './boot-check.ts';
import { checkArrays } from './mounts/arrays.ts';
import { checkDiskRules, checkMultipath } from './mounts/disk-rules.ts';
import { judgeEncryptedVolumes } from './mounts/encrypted-volumes.ts';
import { judgeFileSystems } from './mounts/file-systems.ts';
import { checkVolumeGroups } from './mounts/volume-groups.ts';
import { readDeviceNames } from './resolve-device.ts';

/**
 * Checks everything that the guest waits for when it starts: file systems, swap, encrypted volumes, and the volume
 * groups and arrays below them.
 */
export const checkMounts: BootCheckReader = async (subject) => {
  const names = await readDeviceNames(subject);
  const judged = [...(await judgeFileSystems(subject, names)), ...(await judgeEncryptedVolumes(subject, names))];
  const required = judged.filter(({ check }) => check.isAdvisory !== true);
  const needed = new Set(
    [rootDevice(subject), ...required.map(({ device }) => device)].filter((each) => each !== undefined),
  );
  const groups = groupsOf(needed);
  for (const device of names.devices) if (isPhysicalVolumeOf(device, groups)) needed.add(device);
  const arrays = new Set([...needed].filter(({ name }) => name.startsWith('/dev/md')));
  const checks: BootCheck[] = [
    ...judged.map(({ check }) => check),
    ...(await checkVolumeGroups(groups, subject, names)),
    ...(await checkArrays(arrays, subject, names)),
    ...checkDiskRules(names),
    ...(await checkMultipath(subject, names)),
  ];
  if (checks.length > 0) return checks;
  // A guest with an empty fstab mounts its root by the kernel command line.
  return [
    { area: 'mounts', verdict: 'ready', file: '/etc/fstab', reason: 'The guest waits for no device but its root.' },
  ];
};

function groupsOf(devices: ReadonlySet<BlockDevice>): Set<string> {
  return new Set([...devices].flatMap(({ volumeGroup }) => volumeGroup ?? []));
}

function isPhysicalVolumeOf({ type, volumeGroup }: BlockDevice, groups: ReadonlySet<string>): boolean {
  return type === 'LVM2_member' && volumeGroup !== undefined && groups.has(volumeGroup);
}
