import { filterAdmits, parseLvmConfig, type LvmFilter } from '../../config/lvm-config.ts';
import { devicePaths } from '../../contract/target-names.ts';
import type { BlockDevice, Guest } from '../../guest.ts';
import { sourcePath, virtioHardware } from './hardware-paths.ts';

/** `filter` and `global_filter` with one pattern or a list, as written. */
const SETTING =
  /^([ \t]*(?:devices[ \t]*\{[ \t]*|devices\/)?(?:global_filter|filter)[ \t]*=[ \t]*)(\[(?:[^\]"#]|"(?:[^"\\]|\\.)*"|#[^\n]*\n)*\]|"(?:[^"\\]|\\.)*")/gm;
/** An old hardware name in a pattern, as a complete name or as the part after `/dev/`. */
const OLD_NAME = /(^|[|/^(])[sh]d/;
/** Names that have a meaning only on the old hardware. */
const HARDWARE_LINK = /by-(id|path)|nvme/;

type Known = Pick<Guest, 'devices' | 'disks' | 'diskOrder'>;

/** The text of an `lvm.conf` whose filters accept on virtio what they accepted before. Nothing else changes. */
export function admitInFilters(text: string, guest: Known): { text: string; details: string[] } {
  const details: string[] = [];
  const changed = text.replace(SETTING, (whole, start: string, list: string) => {
    const patterns = [...list.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, pattern = '']) => pattern);
    const added = missingPatterns(patterns, guest);
    const all = added.flatMap(({ before, pattern }) => (before === undefined ? [pattern] : []));
    for (const pattern of patterns) {
      all.push(pattern, ...added.flatMap((each) => (each.before === pattern ? [each.pattern] : [])));
    }
    if (all.length === patterns.length) return whole;
    details.push(`${start.trim().replace(/\s*=$/, '')} also admits ${added.map(({ pattern }) => pattern).join(' ')}`);
    return `${start}[ ${all.map((pattern) => `"${pattern}"`).join(', ')} ]`;
  });
  return { text: changed, details };
}

/** The patterns to add, each after the pattern `before`, or at the front. */
function missingPatterns(patterns: readonly string[], guest: Known): { before: string | undefined; pattern: string }[] {
  const added: { before: string | undefined; pattern: string }[] = [];
  for (const before of patterns) {
    const pattern = before.slice(0, 2) + before.slice(2).replace(new RegExp(OLD_NAME, 'g'), '$1vd');
    if (pattern !== before && !patterns.includes(pattern)) added.push({ before, pattern });
  }
  const extended = filterOf(
    patterns.flatMap((each) => [each, ...added.flatMap(({ before, pattern }) => (before === each ? [pattern] : []))]),
  );
  const old = filterOf(patterns);
  const isOfHardware = patterns.some((pattern) => HARDWARE_LINK.test(pattern));
  for (const device of guest.devices) {
    const { type, uuid } = device;
    if (type !== 'LVM2_member' || uuid === undefined || device.disk === undefined) continue;
    const paths = devicePaths(device, virtioHardware(guest));
    if (filterAdmits(extended, paths) !== false) continue;
    // The target of a link on the old hardware can no longer be determined.
    if (!isOfHardware && filterAdmits(old, sourcePaths(device, guest)) === false) continue;
    added.push({ before: undefined, pattern: `a|^/dev/disk/by-id/lvm-pv-uuid-${uuid}$|` });
    const [kernelPath] = paths;
    if (kernelPath !== undefined) added.push({ before: undefined, pattern: `a|^${kernelPath}$|` });
  }
  return added;
}

function filterOf(patterns: readonly string[]): LvmFilter | undefined {
  return parseLvmConfig(`devices/filter = [ ${patterns.map((pattern) => `"${pattern}"`).join(', ')} ]`).filter;
}

function sourcePaths(device: BlockDevice, guest: Known): string[] {
  const path = sourcePath(device, guest);
  return path === undefined ? [] : [path];
}
