import { matchesGlob } from '../../config/glob.ts';
import { mdUuidDigits, parseMdadmConf } from '../../config/mdadm-conf.ts';
import { devicePaths } from '../../contract/target-names.ts';
import type { Guest } from '../../guest.ts';
import { findDevice } from '../../inspect/disks/find-device.ts';
import { virtioHardware } from './hardware-paths.ts';

type Known = Pick<Guest, 'devices' | 'disks' | 'diskOrder'>;

/** mdadm's keyword for everything in `/proc/partitions`: the default without a `DEVICE` line. */
const ALL_DEVICES = 'partitions';

/**
 * The text of an `mdadm.conf` that accepts the arrays' members on virtio. `DEVICE` has the new names in addition to
 * the old ones, or all partitions. `ARRAY` has no device names, since all of them would have to match.
 */
export function admitInMdadmConf(text: string, guest: Known): { text: string; details: string[] } {
  const details: string[] = [];
  let keyword = '';
  let added = missingWords(text, guest);
  const lines = text.split('\n').map((line) => {
    const [content = '', space = ''] = /^(.*?)(\s*(?:#.*)?)$/.exec(line)?.slice(1) ?? [];
    if (/^\S/.test(content)) keyword = content.split(/\s/)[0]?.toLowerCase() ?? '';
    if (isKeyword(keyword, 'device') && added.length > 0 && content !== '') {
      const words = added;
      added = [];
      details.push(`DEVICE also admits ${words.join(' ')}`);
      return `${content} ${words.join(' ')}${space}`;
    }
    if (!isKeyword(keyword, 'array')) return line;
    return line.replace(/(\s)devices=(\S+)/i, (whole, before: string, list: string) => {
      const ids = [...new Set(list.split(',').map((name) => arrayUuid(name, guest)))];
      const hasUuid = /\suuid=/i.test(line);
      const [id] = ids;
      if (!hasUuid && (ids.length !== 1 || id === undefined)) return whole;
      details.push(hasUuid ? `devices=${list} is left out: the array has a UUID` : `devices=${list} → UUID=${id}`);
      return hasUuid ? '' : `${before}UUID=${id}`;
    });
  });
  return { text: lines.join('\n'), details };
}

function isKeyword(word: string, keyword: string): boolean {
  return word.length >= 3 && keyword.startsWith(word);
}

/** The words that the `DEVICE` lines lack. */
function missingWords(text: string, guest: Known): string[] {
  const patterns = parseMdadmConf(text).devicePatterns.map(({ pattern }) => pattern);
  if (patterns.length === 0 || patterns.includes(ALL_DEVICES)) return [];
  const twins = patterns.map((pattern) => pattern.replace(/^\/dev\/[sh]d/, '/dev/vd'));
  const all = [...patterns, ...twins.filter((twin) => !patterns.includes(twin))];
  const hardware = virtioHardware(guest);
  const members = guest.devices.filter(({ type }) => type === 'linux_raid_member');
  const isAdmitted = members.every((member) =>
    devicePaths(member, hardware).some((path) => all.some((pattern) => matchesGlob(pattern, path, 'path'))),
  );
  return isAdmitted ? all.slice(patterns.length) : [ALL_DEVICES];
}

/** In mdadm's notation: `aaaaaaaa:bbbbbbbb:cccccccc:dddddddd`. */
function arrayUuid(name: string, guest: Known): string | undefined {
  const device = findDevice(name, guest, 'linux_raid_member');
  const digits = device?.type === 'linux_raid_member' ? mdUuidDigits(device.uuid) : undefined;
  return digits?.match(/.{8}/g)?.join(':');
}
