import type { BlockDevice } from '../../guest.ts';
import type { Guestfs } from '../../guestfs.ts';

/** No VM has more volume groups or arrays. */
const MOST_GROUPS = 128;

/**
 * Adds the data of LVM and mdadm to the devices: volume groups, the identity of arrays, and how many members of each
 * are missing.
 */
export async function withMembers(session: Guestfs, devices: readonly BlockDevice[]): Promise<BlockDevice[]> {
  const groups = new Map<string, readonly string[]>();
  for (const group of (await session.lines(['vgs'])).slice(0, MOST_GROUPS)) {
    groups.set(group, await session.lines(['vgpvuuids', group]));
  }
  const known = new Set(
    devices.flatMap(({ type, uuid }) => (type === 'LVM2_member' && uuid !== undefined ? [plain(uuid)] : [])),
  );
  const result: BlockDevice[] = [];
  for (const device of devices) {
    const array = /^\/dev\/md\d+$/.test(device.name) ? await readArray(session, device.name) : {};
    result.push({ ...device, ...groupOf(device, groups, known), ...array });
  }
  return result;
}

function groupOf(
  { name, type, uuid }: BlockDevice,
  groups: ReadonlyMap<string, readonly string[]>,
  known: ReadonlySet<string>,
): Pick<BlockDevice, 'volumeGroup' | 'missingMembers'> {
  const isPhysical = type === 'LVM2_member' && uuid !== undefined;
  const group = isPhysical
    ? [...groups].find(([, uuids]) => uuids.some((each) => plain(each) === plain(uuid)))?.[0]
    : /^\/dev\/([^/]+)\/[^/]+$/.exec(name)?.[1];
  const members = groups.get(group ?? '');
  if (members === undefined) return {};
  return { volumeGroup: group, missingMembers: members.filter((each) => !known.has(plain(each))).length };
}

/** A running array, with the data of `mdadm --detail --export` and `/proc/mdstat`. */
async function readArray(
  session: Guestfs,
  name: string,
): Promise<Pick<BlockDevice, 'arrayUuid' | 'arrayName' | 'missingMembers'>> {
  const details = new Map(
    (await session.lines(['md-detail', name])).map((line) => {
      const at = line.indexOf(': ');
      return [line.slice(0, at), line.slice(at + 2)];
    }),
  );
  const wanted = Number(details.get('devices') ?? 0);
  const present = (await session.lines(['md-stat', name])).filter((line) => /^\s*mdstat_device:/.test(line)).length;
  return {
    arrayUuid: details.get('uuid'),
    // The name in the metadata is `HOST:NAME`.
    arrayName: details.get('name')?.replace(/^[^:]*:/, '') ?? details.get('devname'),
    missingMembers: Math.max(0, wanted - present),
  };
}

/** LVM writes UUIDs with or without dashes. */
function plain(uuid: string): string {
  return uuid.replaceAll('-', '');
}
