import type { BlockDevice, Guest } from '../guest.ts';
import { diskNumber } from './block-devices.ts';

type Known = Pick<Guest, 'devices' | 'disks' | 'diskOrder'>;

const BY_TAG: Readonly<Record<string, 'uuid' | 'label' | 'partUuid' | 'partLabel'>> = {
  UUID: 'uuid',
  LABEL: 'label',
  PARTUUID: 'partUuid',
  PARTLABEL: 'partLabel',
  'by-uuid': 'uuid',
  'by-label': 'label',
  'by-partuuid': 'partUuid',
  'by-partlabel': 'partLabel',
};

/** True for a name that another hardware gives to another device, or to none. Names of LVM, md, and by content stay. */
export function isUnstableName(spec: string): boolean {
  if (/^\/dev\/((sd|hd|vd|xvd)[a-z]+\d*|nvme\d+n\d+(p\d+)?)$/.test(spec)) return true;
  if (spec.startsWith('/dev/disk/by-path/')) return true;
  return /^\/dev\/disk\/by-id\/(?!dm-|md-|lvm-)/.test(spec);
}

/**
 * The device that a name in the guest's configuration means: by content, by LVM or md, or, for names that follow the hardware, by the order of the
 * disks. `type` is what is said to be on it. Undefined when there is none, or more than one.
 */
export function findDevice(spec: string, guest: Known, type = ''): BlockDevice | undefined {
  const tag = tagOf(spec);
  if (tag) return byContent(guest.devices, tag.key, tag.value);
  if (isUnstableName(spec)) return byHardware(spec, guest, type);
  const plain = volumeName(spec);
  return guest.devices.find(({ name }) => volumeName(name) === plain);
}

function tagOf(spec: string): { key: string; value: string } | undefined {
  const [, key, value] = /^([A-Z]+)=(.+)$/.exec(spec) ?? /^\/dev\/disk\/(by-\w+)\/(.+)$/.exec(spec) ?? [];
  return key !== undefined && value !== undefined && key in BY_TAG ? { key, value } : undefined;
}

function byContent(devices: readonly BlockDevice[], tag: string, value: string): BlockDevice | undefined {
  const key = BY_TAG[tag];
  if (key === undefined) return undefined;
  const isEqual = key === 'label' || key === 'partLabel' ? equal : equalIgnoringCase;
  return only(devices.filter((device) => isEqual(device[key] ?? '', unescape(value))));
}

/** What fstab says of the type must fit. Where it does not, the one other disk counts whose partition of that number has the type. */
function byHardware(spec: string, guest: Known, type: string): BlockDevice | undefined {
  const meant = hardwarePlace(spec, guest);
  if (!meant) return undefined;
  const sameNumber = guest.devices.filter(({ disk, partition }) => disk !== undefined && partition === meant.partition);
  const found = sameNumber.find(({ disk }) => disk === meant.disk);
  if (found && fitsType(found.type, type)) return found;
  return only(sameNumber.filter((device) => device.type !== '' && fitsType(device.type, type)));
}

/** True when a file system of `found` is what fstab's `wanted` mounts. */
export function fitsType(found: string, wanted: string): boolean {
  if (['', 'auto', 'none'].includes(wanted)) return true;
  const [a, b] = [found, wanted].map((type) => (/^ext[234]$/.test(type) ? 'ext' : type === 'msdos' ? 'vfat' : type));
  return a === b;
}

/** The disk, counted from 0, and the partition of a name that follows the hardware. */
export function hardwarePlace(
  spec: string,
  guest: Pick<Known, 'disks' | 'diskOrder'>,
): { disk: number; partition: number | undefined } | undefined {
  const found = placeByOrder(spec, guest.disks);
  return found && { ...found, disk: guest.diskOrder[found.disk] ?? found.disk };
}

function placeByOrder(spec: string, disks: Known['disks']): ReturnType<typeof hardwarePlace> {
  const [, letters, number] = /^\/dev\/(?:sd|hd|vd|xvd)([a-z]+)(\d*)$/.exec(spec) ?? [];
  if (letters !== undefined) return place(diskNumber(letters), number, disks);
  const [, nvme, nvmePartition] = /^\/dev\/nvme(\d+)n\d+(?:p(\d+))?$/.exec(spec) ?? [];
  if (nvme !== undefined) return place(Number(nvme), nvmePartition, disks);
  const [, name, part] = /^\/dev\/disk\/by-(?:path|id)\/(.+?)(?:-part(\d+))?$/.exec(spec) ?? [];
  if (name === undefined) return undefined;
  // Which disk an identity of VMware means, no table tells here; with one disk there is no doubt.
  if (spec.startsWith('/dev/disk/by-id/')) return disks.length === 1 ? place(0, part, disks) : undefined;
  return place(diskOfPath(name, disks), part, disks);
}

/**
 * `pci-0000:03:00.0-scsi-0:0:1:0`: target 1 of a controller. A machine of VMware has no unit 7 on a SCSI bus, which is the controller's own; ATA ports
 * count from 1, and NVMe name spaces too.
 */
function diskOfPath(name: string, disks: Known['disks']): number {
  const [, target] = /-scsi-\d+:\d+:(\d+):\d+$/.exec(name) ?? /-sas-phy(\d+)-lun-\d+$/.exec(name) ?? [];
  if (target !== undefined) {
    const unit = Number(target);
    const known = disks.findIndex(({ address }) => address?.controller === 0 && address.unit === unit);
    if (known >= 0) return known;
    return unit > 7 ? unit - 1 : unit;
  }
  const [, port] = /-(?:ata|nvme)-(\d+)(?:\.\d+)?$/.exec(name) ?? [];
  return port === undefined ? -1 : Number(port) - 1;
}

function place(disk: number, partition: string | undefined, disks: Known['disks']) {
  if (disk < 0 || disk >= disks.length) return undefined;
  return { disk, partition: partition ? Number(partition) : undefined };
}

/** `/dev/mapper/vg-lv` and `/dev/vg/lv` are one volume; a dash in a name is doubled in the first. */
export function volumeName(name: string): string {
  const [, mapped] = /^\/dev\/mapper\/(.+)$/.exec(name) ?? [];
  if (mapped === undefined) return name;
  const [, group, volume] = /^((?:[^-]|--)+)-((?:[^-]|--)+)$/.exec(mapped) ?? [];
  if (group === undefined || volume === undefined) return name;
  return `/dev/${group.replaceAll('--', '-')}/${volume.replaceAll('--', '-')}`;
}

/** udev writes odd characters of a label as `\x20`, fstab spaces as `\040`. */
function unescape(text: string): string {
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
