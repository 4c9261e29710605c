import type { BlockDevice } from '../../guest.ts';
import type { Guestfs } from '../../guestfs.ts';
import { withMembers } from './volume-members.ts';

/** No VM has more; a hostile partition table can list many. */
const MOST_DEVICES = 512;
/** Whole disks, arrays, logical volumes, opened encrypted volumes. */
const OTHER_LISTS = ['list-devices', 'list-md-devices', 'lvs', 'list-dm-devices'];

/**
 * All partitions, volumes and arrays, and each disk with content of its own, with blkid's data. In the appliance's
 * order: disk by disk. `list-filesystems` omits encrypted devices, so the devices are listed by kind.
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
    // Fails if blkid finds nothing, as for an empty partition with some partition tables.
    const said = (await session.attempt(['blkid', name]))?.toString('utf8') ?? '';
    const device = { ...placeOf(name), ...readBlkid(said) };
    // A disk with a partition table has no content of its own.
    if (device.type !== '' || partitions.includes(name) || found.includes(name)) devices.push(device);
  }
  return withMembers(session, devices);
}

/**
 * Parses a line of `list-filesystems`: `/dev/sda1: ext4`. The name may contain a colon (`btrfsvol:/dev/sda2/root`),
 * the type does not.
 */
export function fileSystemOf(line: string): { name: string; type: string } {
  const at = line.lastIndexOf(': ');
  return at < 0 ? { name: line, type: '' } : { name: line.slice(0, at), type: line.slice(at + 2) };
}

/** Parses the output of guestfish's `blkid`: `KEY: value` lines. The first value of a key is used. */
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

/** `a` is 0, `z` is 25, `aa` is 26. */
export function diskNumber(letters: string): number {
  return Buffer.from(letters, 'latin1').reduce((sum, letter) => sum * 26 + letter - 96, 0) - 1;
}
