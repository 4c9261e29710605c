import type { BlockDevice } from '../../guest.ts';
import type { BootCheck, BootSubject } from '../boot-check.ts';
import { matchesGlob } from '../../config/glob.ts';
import { mdUuidDigits, parseMdadmConf, type MdadmConf } from '../../config/mdadm-conf.ts';
import { MDADM_CONFS, type DeviceNames } from '../resolve-device.ts';
import { guestPaths } from '../guest-paths.ts';
import { checkOf } from './wanted-device.ts';

/** Whether each array that the guest needs is complete, and mdadm scans its members. */
export async function checkArrays(
  arrays: ReadonlySet<BlockDevice>,
  { files }: BootSubject,
  names: DeviceNames,
): Promise<BootCheck[]> {
  if (arrays.size === 0) return [];
  const confs: [string, MdadmConf][] = [];
  for (const path of MDADM_CONFS) {
    const text = await files.read(path);
    if (text !== undefined) confs.push([path, parseMdadmConf(text)]);
  }
  // mdadm reads one of them; which one depends on its package.
  const [file, conf] = confs[0] ?? [MDADM_CONFS[0], parseMdadmConf('')];
  return [...arrays].flatMap((array) => {
    const what = guestPaths(array, names)[0] ?? array.name;
    const checks = membersOf(array, names).map((member) => checkMember(member, what, file, conf, names));
    const lacking = array.missingMembers ?? 0;
    if (lacking > 0) {
      checks.push(
        checkOf(
          { file },
          'not-ready',
          `The array ${what} is not complete: ${lacking} of its members are on none of the disks.`,
        ),
      );
    }
    return checks;
  });
}

function membersOf({ arrayUuid }: BlockDevice, { devices }: DeviceNames): BlockDevice[] {
  const digits = mdUuidDigits(arrayUuid);
  return devices.filter(
    ({ type, uuid }) => type === 'linux_raid_member' && (digits === undefined || mdUuidDigits(uuid) === digits),
  );
}

/** mdadm adds a device only if a `DEVICE` line matches one of its paths. */
function checkMember(
  member: BlockDevice,
  array: string,
  file: string,
  { devicePatterns }: MdadmConf,
  names: DeviceNames,
): BootCheck {
  const paths = guestPaths(member, names);
  const what = `${paths[0] ?? member.name}, a member of ${array}`;
  if (devicePatterns.length === 0) return checkOf({ file }, 'ready', `mdadm scans all devices, including ${what}.`);
  const found = devicePatterns.find(
    ({ pattern }) =>
      /^(partitions|containers)$/i.test(pattern) || paths.some((path) => matchesGlob(pattern, path, 'path')),
  );
  if (found) return checkOf({ file, line: found.line }, 'ready', `DEVICE of mdadm.conf names ${what}.`);
  const line = devicePatterns[0]?.line;
  return checkOf({ file, line }, 'not-ready', `DEVICE of mdadm.conf does not name ${what}.`);
}
