import type { BlockDevice, Guest } from '../../guest.ts';
import { placeById } from './disk-names.ts';
import { hardwarePlace } from './disk-place.ts';

type Known = Pick<Guest, 'devices' | 'disks' | 'diskOrder' | 'aliases'>;

/** The property by which a configuration identifies a device, either of its content or of its partition. */
export type ContentTag = 'uuid' | 'label' | 'partUuid' | 'partLabel';

/** Indexed by the tags of fstab and by the folders of `/dev/disk`. */
export const CONTENT_TAGS: Readonly<Record<string, ContentTag>> = {
  UUID: 'uuid',
  LABEL: 'label',
  PARTUUID: 'partUuid',
  PARTLABEL: 'partLabel',
  'by-uuid': 'uuid',
  'by-label': 'label',
  'by-partuuid': 'partUuid',
  'by-partlabel': 'partLabel',
};

/**
 * True for a name that refers to another device, or to none, on other hardware. Names of LVM and md, and names by
 * content, stay valid.
 */
export function isUnstableName(spec: string, guest: Pick<Guest, 'disks' | 'aliases'> = { disks: [] }): boolean {
  if (placeById(spec, guest) !== undefined) return true;
  if (/^\/dev\/((sd|hd|vd|xvd)[a-z]+\d*|nvme\d+n\d+(p\d+)?)$/.test(spec)) return true;
  if (spec.startsWith('/dev/disk/by-path/')) return true;
  return /^\/dev\/disk\/by-id\/(?!dm-|md-|lvm-)/.test(spec);
}

/**
 * The device that a name in the guest's configuration refers to: by content, by LVM or md, or, for hardware-dependent
 * names, by disk order. `type` is the configured content type. Undefined if there is no such device, or more than
 * one.
 */
export function findDevice(spec: string, guest: Known, type = ''): BlockDevice | undefined {
  const tag = tagOf(spec);
  if (tag) return byContent(guest.devices, tag.key, tag.value);
  if (isUnstableName(spec, guest)) return byHardware(spec, guest, type);
  const plain = volumeName(spec);
  return guest.devices.find(({ name }) => volumeName(name) === plain);
}

function tagOf(spec: string): { key: string; value: string } | undefined {
  const [, key, value] = /^([A-Z]+)=(.+)$/.exec(spec) ?? /^\/dev\/disk\/(by-\w+)\/(.+)$/.exec(spec) ?? [];
  return key !== undefined && value !== undefined && key in CONTENT_TAGS ? { key, value } : undefined;
}

function byContent(devices: readonly BlockDevice[], tag: string, value: string): BlockDevice | undefined {
  const key = CONTENT_TAGS[tag];
  if (key === undefined) return undefined;
  const isEqual = key === 'label' || key === 'partLabel' ? equal : equalIgnoringCase;
  return only(devices.filter((device) => isEqual(device[key] ?? '', unescapeName(value))));
}

/**
 * The type in fstab must match. If it does not, the one other disk whose partition with that number has the type is
 * used.
 */
function byHardware(spec: string, guest: Known, type: string): BlockDevice | undefined {
  const meant = hardwarePlace(spec, guest);
  if (!meant) return undefined;
  const sameNumber = guest.devices.filter(({ disk, partition }) => disk !== undefined && partition === meant.partition);
  const found = sameNumber.find(({ disk }) => disk === meant.disk);
  if (found && fitsType(found.type, type)) return found;
  return only(sameNumber.filter((device) => device.type !== '' && fitsType(device.type, type)));
}

/** True if fstab's type `wanted` mounts the file system `found`. */
export function fitsType(found: string, wanted: string): boolean {
  if (['', 'auto', 'none'].includes(wanted)) return true;
  const [a, b] = [found, wanted].map((type) => (/^ext[234]$/.test(type) ? 'ext' : type === 'msdos' ? 'vfat' : type));
  return a === b;
}

/** `/dev/mapper/vg-lv` and `/dev/vg/lv` are the same volume; dashes in names are doubled in the first form. */
export function volumeName(name: string): string {
  const [, mapped] = /^\/dev\/mapper\/(.+)$/.exec(name) ?? [];
  if (mapped === undefined) return name;
  const [, group, volume] = /^((?:[^-]|--)+)-((?:[^-]|--)+)$/.exec(mapped) ?? [];
  if (group === undefined || volume === undefined) return name;
  return `/dev/${group.replaceAll('--', '-')}/${volume.replaceAll('--', '-')}`;
}

/** udev escapes unusual characters of a label as `\x20`, and fstab escapes spaces as `\040`. */
export function unescapeName(text: string): string {
  return text
    .replace(/\\x([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function only(devices: readonly BlockDevice[]): BlockDevice | undefined {
  return devices.length === 1 ? devices[0] : undefined;
}

function equal(a: string, b: string): boolean {
  return a === b;
}

function equalIgnoringCase(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
