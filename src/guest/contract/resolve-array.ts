import type { BlockDevice } from '../guest.ts';
import { mdUuidDigits, type MdadmArray } from '../config/mdadm-conf.ts';
import { found, missing, unknown, type Resolution } from './resolution.ts';

/** The existing arrays, and those in `mdadm.conf`. */
interface ArrayNames {
  devices: readonly BlockDevice[];
  arrays: readonly MdadmArray[];
}

/** The name of an array comes from `mdadm.conf`, or else from its metadata, which the appliance reports. */
export function byArray(spec: string, names: ArrayNames): Resolution {
  const [, base, partition] = /^(\/dev\/md(?:_?d?\d+|\/.+?))(?:p(\d+))?$/.exec(spec) ?? [];
  const entry = names.arrays.find(({ name }) => sameArrayName(name, spec) || sameArrayName(name, base));
  if (entry?.uuid !== undefined) return byArrayUuid(entry.uuid, spec, names, partition);
  const device = names.devices.find(
    ({ name, arrayName }) => name === spec || (arrayName !== undefined && sameArrayName(`/dev/md/${arrayName}`, spec)),
  );
  if (device) return found(device);
  const arrays = names.devices.filter(({ name }) => name.startsWith('/dev/md'));
  const why = `no array is called ${spec}`;
  // Without a name in mdadm.conf or in its metadata, an array gets the next number from 127 down.
  return arrays.length > 0
    ? unknown(`${why}; there ${arrays.length === 1 ? 'is' : 'are'} ${arrays.map(({ name }) => name).join(', ')}`)
    : missing(why);
}

export function byArrayUuid(
  digits: string | undefined,
  spec: string,
  names: ArrayNames,
  partition?: string,
): Resolution {
  const device = names.devices.find(
    ({ name, arrayUuid }) =>
      arrayUuid !== undefined &&
      mdUuidDigits(arrayUuid) === digits &&
      (partition === undefined || name.endsWith(`p${partition}`)),
  );
  if (device) return found(device);
  const members = names.devices.filter(
    ({ type, uuid }) => type === 'linux_raid_member' && mdUuidDigits(uuid) === digits,
  );
  const arrays = names.devices.filter(({ name, arrayUuid }) => name.startsWith('/dev/md') && arrayUuid === undefined);
  if (members.length > 0 && arrays.length === 1 && arrays[0]) return found(arrays[0]);
  if (members.length > 0)
    return unknown(`the array of ${spec} has ${members.length} members here, but was not started`);
  return missing(`no array has the UUID that ${spec} stands for`);
}

/** `/dev/md0`, `/dev/md/0` and `/dev/md/md0` are equivalent. */
function sameArrayName(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && plainArrayName(a) === plainArrayName(b);
}

function plainArrayName(name: string): string {
  return name.replace(/^\/dev\/md\/?/, '').replace(/^md/, '');
}
