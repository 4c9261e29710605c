import type { BlockDevice } from '../guest.ts';
import { mdUuidDigits } from '../config/mdadm-conf.ts';
import { resolveDevice, type DeviceNames } from './resolve-device.ts';
import { devicePaths, kernelName } from './target-names.ts';

/**
 * Every path that the guest has for a device on the target, the usual one first. The appliance's names of volumes and
 * arrays are not the guest's.
 */
export function guestPaths(device: BlockDevice, names: DeviceNames): string[] {
  const paths = devicePaths(device, names.hardware);
  if (kernelName(device, names.hardware) !== undefined) return paths;
  return [...new Set([...arrayPaths(device, names), ...mapperPaths(device, names), ...paths])];
}

function arrayPaths({ arrayUuid, arrayName }: BlockDevice, { arrays }: DeviceNames): string[] {
  const digits = mdUuidDigits(arrayUuid);
  const configured = arrays
    .filter(({ uuid }) => digits !== undefined && uuid === digits)
    .flatMap(({ name }) => name ?? []);
  // An array has a node `/dev/mdN` and a link `/dev/md/NAME`.
  const fromName =
    arrayName === undefined
      ? []
      : [`/dev/md/${arrayName}`, ...(/^\d+$/.test(arrayName) ? [`/dev/md${arrayName}`] : [])];
  return [...configured, ...fromName];
}

function mapperPaths(device: BlockDevice, names: DeviceNames): string[] {
  if (!device.name.startsWith('/dev/mapper/')) return [];
  return names.crypttab
    .filter(({ name }) => {
      const resolution = resolveDevice(`/dev/mapper/${name}`, names);
      return resolution.state === 'found' && resolution.device === device;
    })
    .flatMap(({ name }) => [`/dev/mapper/${name}`, `/dev/disk/by-id/dm-name-${name}`]);
}
