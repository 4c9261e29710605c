import type { BlockDevice } from '../../guest.ts';
import type { Guestfs } from '../../guestfs.ts';
import { withMembers } from './volume-members.ts';

/** More than any machine has; a hostile partition table can name many. */
const MOST_DEVICES = 512;
/** Whole disks, arrays, logical volumes, opened encrypted volumes. */
const OTHER_LISTS = ['list-devices', 'list-md-devices', 'lvs', 'list-dm-devices'];

/**
 * Every partition, volume and array, and each whole disk with something on it, with what blkid says. In the appliance's order: disk after disk.
 * `list-filesystems` leaves encrypted devices out, so that each device is asked for by its kind.
 */
export async function listBlockDevices(session: Guestfs): Promise<BlockDevice[]> {
  const partitions = await session.lines(['list-partitions']);
  const fileSystems = (await session.lines(['list-filesystems'])).map(fileSystemOf);
  const found = fileSystems.map(({ name }) => name).filter((name) => !name.startsWith('btrfsvol:'));
  const others: string[] = [];
  for (const command of OTHER_LISTS) others.push(...(await session.lines([command])));
  const names = [...new Set([...partitions, ...found, ...others])].slice(0, MOST_DEVICES);
  const devices: BlockDevice[] = [];
  for (const name of names) {
    // Fails for what blkid knows nothing of, as an empty partition on some tables.
    const said = (await session.attempt(['blkid', name]))?.toString('utf8') ?? '';
    const device = { ...placeOf(name), ...readBlkid(said) };
    // A disk with a partition table is not a device that anything is on.
    if (device.type !== '' || partitions.includes(name) || found.includes(name)) devices.push(device);
  }
  return withMembers(session, devices);
}

/** A line of `list-filesystems`: `/dev/sda1: ext4`. The name may hold a colon (`btrfsvol:/dev/sda2/root`), the type none. */
export function fileSystemOf(line: string): { name: string; type: string } {
  const at = line.lastIndexOf(': ');
  return at < 0 ? { name: line, type: '' } : { name: line.slice(0, at), type: line.slice(at + 2) };
}

/** What `blkid` of guestfish says, `KEY: value` a line. The first of a key counts. */
export function readBlkid(text: string): Omit<BlockDevice, 'name'> {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, key, value] = /^([A-Z_]+): (.+)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined && !values.has(key)) values.set(key, value);
  }
  return {
    type: values.get('TYPE') ?? '',
    uuid: values.get('UUID'),
    label: values.get('LABEL'),
    partUuid: values.get('PART_ENTRY_UUID'),
    partLabel: values.get('PART_ENTRY_NAME'),
  };
}

function placeOf(name: string): Pick<BlockDevice, 'name' | 'disk' | 'partition'> {
  const [, letters, number] = /^\/dev\/sd([a-z]+)(\d*)$/.exec(name) ?? [];
  if (letters === undefined) return { name };
  return { name, disk: diskNumber(letters), partition: number ? Number(number) : undefined };
}

/** `a` is 0, `z` 25, `aa` 26. */
export function diskNumber(letters: string): number {
  return Buffer.from(letters, 'latin1').reduce((sum, letter) => sum * 26 + letter - 96, 0) - 1;
}
