import type { BlockDevice, Guest } from '../../guest.ts';
import { ROOT_TYPES } from '../../inspect/disks/root-types.ts';
import { findDevice, isUnstableName } from '../../inspect/disks/find-device.ts';

type Known = Pick<Guest, 'devices' | 'disks' | 'diskOrder' | 'aliases'>;

/** The name of a device by its content, or by its partition; undefined when neither is there or another device has the same. */
export function stableName(device: BlockDevice, devices: readonly BlockDevice[]): string | undefined {
  const isAlone = (key: 'uuid' | 'partUuid') =>
    device[key] !== undefined && devices.filter((other) => other[key] === device[key]).length === 1;
  if (isAlone('uuid') && isSafe(device.uuid)) return `UUID=${device.uuid}`;
  if (isAlone('partUuid') && isSafe(device.partUuid)) return `PARTUUID=${device.partUuid}`;
  return undefined;
}

/** What a name of the configuration becomes on other hardware. */
export type NewName = { name: string; device: BlockDevice } | 'stays' | 'unknown';

/** `type` is what the configuration says to be on it. With `root` the name is that of the root, which is known by what is on it. */
export function newName(
  spec: string,
  guest: Known,
  { type = '', root }: { type?: string | undefined; root?: BlockDevice | undefined } = {},
): NewName {
  if (!isUnstableName(spec, guest)) return 'stays';
  const found = findDevice(spec, guest, type);
  // A name that means another file system of Linux is another system's.
  const device = root && !(found && ROOT_TYPES.has(found.type)) ? root : found;
  const name = device && stableName(device, guest.devices);
  return device && name !== undefined ? { name, device } : 'unknown';
}

/** The content of a disk can give any bytes as a UUID; a real one fits a configuration file without quotes. */
function isSafe(id: string | undefined): boolean {
  return id !== undefined && /^[\w-]+$/.test(id);
}
