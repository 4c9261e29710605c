import type { BootCheck, BootSubject } from '../boot-check.ts';
import { matchesGlob } from '../../config/glob.ts';
import { mdUuidDigits, parseMdadmConf } from '../../config/mdadm-conf.ts';
import { guestPaths } from '../guest-paths.ts';
import { checkArrays } from '../mounts/arrays.ts';
import { checkMultipath } from '../mounts/disk-rules.ts';
import { checkVolumeGroups } from '../mounts/volume-groups.ts';
import { MDADM_CONFS, type DeviceNames } from '../resolve-device.ts';
import type { RootStack } from '../root-stack.ts';
import type { ArchiveTree } from './archive/archive-tree.ts';
import type { InitramfsFinding } from './check-drivers.ts';

/**
 * Whether LVM, mdadm and multipath in the initramfs accept the devices below the root, according to their
 * configuration in the initramfs.
 */
export async function checkVolumes(
  tree: ArchiveTree,
  subject: BootSubject,
  stack: RootStack,
  names: DeviceNames,
): Promise<InitramfsFinding[]> {
  const inside = { ...subject, files: tree };
  const checks = [
    ...(await checkVolumeGroups(new Set(stack.volumeGroups), inside, names)),
    ...(await checkArrays(new Set(stack.arrays), inside, names)),
    ...(await checkMultipath(inside, names)),
  ];
  return [...checks.map(findingOf), ...(await checkArrayLines(tree, stack, names))];
}

function findingOf({ file, line, verdict, reason, isAdvisory }: BootCheck): InitramfsFinding {
  return { path: file, line, verdict, reason, ...(isAdvisory === true ? { isAdvisory } : {}) };
}

/**
 * `devices=` of an ARRAY line lists the only members that mdadm accepts, and `AUTO -all` keeps it from assembling
 * arrays without a line.
 */
async function checkArrayLines(
  tree: ArchiveTree,
  { arrays, members }: RootStack,
  names: DeviceNames,
): Promise<InitramfsFinding[]> {
  const findings: InitramfsFinding[] = [];
  for (const path of MDADM_CONFS) {
    const text = (await tree.read(path)) ?? '';
    const conf = parseMdadmConf(text);
    for (const array of arrays) {
      const what = array.arrayName ?? array.name;
      const digits = mdUuidDigits(array.arrayUuid);
      const entry = conf.arrays.find(({ uuid }) => uuid !== undefined && uuid === digits);
      const own = members.filter(({ uuid }) => digits === undefined || mdUuidDigits(uuid) === digits);
      const listed = entry?.devices ?? [];
      const isTaken = (member: (typeof own)[number]): boolean =>
        guestPaths(member, names).some((each) => listed.some((pattern) => matchesGlob(pattern, each, 'path')));
      if (entry?.isIgnored === true) {
        findings.push({ verdict: 'not-ready', path, line: entry.line, reason: `mdadm.conf has mdadm ignore ${what}.` });
      } else if (listed.length > 0 && !own.every(isTaken)) {
        const reason = `mdadm.conf lists ${listed.join(', ')} as members of ${what}, which are not those of the target.`;
        findings.push({ verdict: 'not-ready', path, line: entry?.line, reason });
      }
      if (entry === undefined && digits !== undefined && /^\s*AUTO\s[^+\n]*-all\b/im.test(text)) {
        findings.push({
          verdict: 'not-ready',
          path,
          reason: `mdadm.conf has no ARRAY line for ${what}, and AUTO -all.`,
        });
      }
    }
  }
  return findings;
}
