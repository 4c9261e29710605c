import type { BlockDevice, Guest } from '../../guest.ts';
import { ROOT_TYPES } from '../../inspect/disks/root-types.ts';
import { findDevice, isUnstableName } from '../../inspect/disks/find-device.ts';

type Known = Pick<Guest, 'devices' | 'disks' | 'diskOrder' | 'aliases'>;

/**
 * The name of a device by its content, or by its partition; undefined if it has neither, or another device has the
 * same.
 */
export function stableName(device: BlockDevice, devices: readonly BlockDevice[]): string | undefined {
  const isUnique = (key: 'uuid' | 'partUuid') =>
    device[key] !== undefined && devices.filter((other) => other[key] === device[key]).length === 1;
  if (isUnique('uuid') && isSafe(device.uuid)) return `UUID=${device.uuid}`;
  if (isUnique('partUuid') && isSafe(device.partUuid)) return `PARTUUID=${device.partUuid}`;
  return undefined;
}

/** {@link stableName} as a path, for settings that take no `UUID=`. */
export function stablePath(device: BlockDevice, devices: readonly BlockDevice[]): string | undefined {
  return stableName(device, devices)?.replace(
    /^(PARTUUID|UUID)=/,
    (_tag, name: string) => `/dev/disk/by-${name.toLowerCase()}/`,
  );
}

/** The new name for a name in the configuration on other hardware. */
export type NewName = { name: string; device: BlockDevice } | 'stays' | 'unknown';

/**
 * `type` is the content type in the configuration. With `root` the name refers to the root device, which is
 * identified by its content.
 */
export function newName(
  spec: string,
  guest: Known,
  { type = '', root }: { type?: string | undefined; root?: BlockDevice | undefined } = {},
): NewName {
  if (!isUnstableName(spec, guest)) return 'stays';
  const found = findDevice(spec, guest, type);
  // A name that refers to another Linux file system belongs to another installation, and keeps that device.
  const device = root && !(found && ROOT_TYPES.has(found.type)) ? root : found;
  const name = device && stableName(device, guest.devices);
  return device && name !== undefined ? { name, device } : 'unknown';
}

/** A disk's content can contain any bytes as a UUID; a valid one needs no quotes in a configuration file. */
function isSafe(id: string | undefined): boolean {
  return id !== undefined && /^[\w-]+$/.test(id);
}
