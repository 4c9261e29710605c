import type { BlockDevice, GuestMount } from '../guest.ts';
import { deviceOf } from '../guest.ts';
import type { GuestTree } from '../guest-tree.ts';
import { CONTENT_TAGS, unescapeName, volumeName, type ContentTag } from '../inspect/disks/find-device.ts';
import type { BootSubject, TargetHardware } from './boot-check.ts';
import { parseCrypttab, type CrypttabEntry } from '../config/crypttab.ts';
import { mdUuidDigits, parseMdadmConf, type MdadmArray } from '../config/mdadm-conf.ts';
import { parseMultipathAliases, parseMultipathBindings, type MultipathName } from '../config/multipath-conf.ts';
import { parseUdevRules } from '../config/udev-rules.ts';
import { found, missing, unknown, type Resolution } from './resolution.ts';
import { byArray, byArrayUuid } from './resolve-array.ts';
import { hardwareDevices, hardwareIds, kernelName, scsiId } from './target-names.ts';
import { linkedDevice, udevLinks, type UdevLink } from './udev-links.ts';

export type { Resolution } from './resolution.ts';

/** An encrypted volume that the guest opens, with the options that determine its content. */
type VolumeEntry = Pick<CrypttabEntry, 'name' | 'source'> & Partial<Pick<CrypttabEntry, 'options'>>;

/** The sources of device names: the hardware, the content of the devices, and the configuration that names volumes. */
export interface DeviceNames {
  devices: readonly BlockDevice[];
  hardware: TargetHardware;
  mounts: readonly GuestMount[];
  /**
   * From the root file system or an initramfs. Add the volumes that the kernel command line opens (`rd.luks.name=`).
   */
  crypttab: readonly VolumeEntry[];
  arrays: readonly MdadmArray[];
  /** From the guest's own rules. */
  links: readonly UdevLink[];
  multipath: readonly MultipathName[];
}

export const MDADM_CONFS = ['/etc/mdadm/mdadm.conf', '/etc/mdadm.conf'] as const;

/**
 * The names according to the configuration on the root file system. For an initramfs, replace `crypttab`, `arrays`
 * and `links` with those from its own files.
 */
export async function readDeviceNames(
  subject: Pick<BootSubject, 'files' | 'devices' | 'hardware' | 'mounts'>,
): Promise<DeviceNames> {
  const { files, devices, hardware, mounts } = subject;
  const confs = await Promise.all(MDADM_CONFS.map((path) => files.read(path)));
  return {
    devices,
    hardware,
    mounts,
    crypttab: parseCrypttab((await files.read('/etc/crypttab')) ?? ''),
    arrays: confs.flatMap((text) => parseMdadmConf(text ?? '').arrays),
    links: await readUdevLinks(files),
    multipath: [
      ...parseMultipathAliases((await files.read('/etc/multipath.conf')) ?? ''),
      ...parseMultipathBindings((await files.read('/etc/multipath/bindings')) ?? ''),
    ],
  };
}

/** The links that the rules in `folder` create. */
export async function readUdevLinks(files: GuestTree, folder = '/etc/udev/rules.d'): Promise<UdevLink[]> {
  const links: UdevLink[] = [];
  for (const path of await files.find(folder, /\.rules$/)) {
    links.push(...udevLinks(path, parseUdevRules((await files.read(path)) ?? '')));
  }
  return links;
}

/**
 * The device that a name in a configuration refers to on the target hardware. Reasons are clauses: `no device has the
 * UUID ...`.
 */
export function resolveDevice(spec: string, names: DeviceNames): Resolution {
  return resolve(unquote(spec), names, new Set());
}

function resolve(spec: string, names: DeviceNames, visited: Set<string>): Resolution {
  if (visited.has(spec)) return missing(`${spec} depends on itself`);
  visited.add(spec);
  const [, tag = '', value = ''] = /^(\w+)=(.+)$/.exec(spec) ?? /^\/dev\/disk\/(by-\w+)\/(.+)$/.exec(spec) ?? [];
  const key = CONTENT_TAGS[tag];
  if (key !== undefined) return byContent(tag, key, unescapeName(value), names);
  if (tag === 'ID' || tag === 'by-id') return byId(value, names, visited);
  if (tag === 'by-path') return byPath(value, names);
  const link = linkedDevice(spec, names.links, names.devices, names.hardware);
  if (link) return link;
  if (/^\/dev\/((sd|hd|vd|xvd)[a-z]+\d*|nvme\d+n\d+(p\d+)?)$/.test(spec)) return byKernelName(spec, names);
  if (spec === '/dev/root') return byRoot(names);
  if (/^\/dev\/md(\/|_?d?\d)/.test(spec)) return byArray(spec, names);
  if (spec.startsWith('/dev/mapper/')) return byMapper(spec, names, visited);
  if (/^\/dev\/dm-\d+$/.test(spec)) return unknown(`the number in ${spec} depends on the order in which volumes start`);
  if (/^\/dev\/[^/]+\/[^/]+$/.test(spec)) return byVolume(spec, names);
  if (/^\/dev\/(sr|fd|loop|zram|ram|cdrom|dvd)/.test(spec)) return unknown(`${spec} is not one of the VM's disks`);
  return missing(`no device and no rule makes ${spec}`);
}

function byContent(tag: string, key: ContentTag, value: string, names: DeviceNames): Resolution {
  const isUuid = key === 'uuid' || key === 'partUuid';
  const wanted = isUuid ? value.toLowerCase() : value;
  const matching = names.devices.filter((device) => (isUuid ? device[key]?.toLowerCase() : device[key]) === wanted);
  const [first, ...more] = matching;
  const what = `${tag.replace(/^by-/, '').toUpperCase()} ${value}`;
  if (first === undefined) return notFound(`no device has the ${what}`, names);
  // The devices of one btrfs file system share its UUID; the members of an array share the array's.
  const isOne = matching.every(({ type, uuid }) => /^(btrfs|linux_raid_member)$/.test(type) && uuid === first.uuid);
  if (more.length > 0 && !(isOne && (key === 'uuid' || key === 'label'))) {
    return unknown(`${matching.length} devices have the ${what}: ${matching.map(({ name }) => name).join(', ')}`);
  }
  return found(first);
}

/** `virtio-SERIAL-part1`, `dm-name-VG-LV`, `lvm-pv-uuid-...`, `md-uuid-...`, `scsi-...`, `wwn-...`. */
function byId(id: string, names: DeviceNames, visited: Set<string>): Resolution {
  const [, kind, value = ''] = /^(dm-name|dm-uuid-LVM|lvm-pv-uuid|md-uuid|md-name|dm-uuid-CRYPT)-(.+)$/.exec(id) ?? [];
  if (kind === 'dm-name') return resolve(`/dev/mapper/${value}`, names, visited);
  if (kind === 'lvm-pv-uuid') return byContent('UUID', 'uuid', value, names);
  if (kind === 'md-uuid') return byArrayUuid(mdUuidDigits(value), `/dev/disk/by-id/${id}`, names);
  if (kind === 'md-name') return resolve(`/dev/md/${value.replace(/^[^:]*:/, '')}`, names, visited);
  if (kind === 'dm-uuid-CRYPT')
    return resolve(`/dev/mapper/${value.replace(/^(?:LUKS\d|PLAIN)-(?:[0-9a-f]{32}-)?/, '')}`, names, visited);
  if (kind !== undefined) return unknown(`${id} holds an identifier of LVM that is not read`);
  const byRule = linkedDevice(`/dev/disk/by-id/${id}`, names.links, names.devices, names.hardware);
  if (byRule) return byRule;
  const named = hardwareDevices(names.devices, names.hardware).find((device) =>
    hardwareIds(device, names.hardware).includes(id),
  );
  if (named) return found(named, true);
  const hasSerials = names.hardware.disks.every(({ serial }) => serial !== undefined);
  if (hasSerials || /6000c29|vmware/i.test(id) || !/qemu|^virtio-/i.test(id)) {
    return missing(`no disk of the target has the id ${id}`);
  }
  return unknown(`the serials of the target's disks are not known, so ${id} cannot be judged`);
}

function byPath(path: string, { hardware }: DeviceNames): Resolution {
  const isVirtio = hardware.disks.every(({ names }) => names === 'vd');
  if (isVirtio && /-(scsi|sas|ata|nvme|ide|usb)-/.test(path)) {
    return missing(`the target's disks are on virtio, which ${path} is not a path of`);
  }
  return unknown(`the PCI addresses of the target's disks are not known, so by-path/${path} cannot be judged`);
}

function byKernelName(spec: string, names: DeviceNames): Resolution {
  const named = hardwareDevices(names.devices, names.hardware).find(
    (device) => kernelName(device, names.hardware) === spec,
  );
  if (named) return found(named, true);
  const kinds = [
    ...new Set(names.hardware.disks.map((disk) => (disk.names === 'nvme' ? '/dev/nvme*' : `/dev/${disk.names}*`))),
  ];
  return missing(`there is no ${spec}: the target's disks are ${kinds.join(' and ') || 'not known'}`);
}

function byRoot({ mounts, devices }: DeviceNames): Resolution {
  const name = deviceOf(mounts.find(({ path }) => path === '/')?.mountable ?? '');
  const device = devices.find((each) => each.name === name);
  return device ? found(device) : unknown('the device of the root is not known');
}

function byMapper(spec: string, names: DeviceNames, visited: Set<string>): Resolution {
  const name = unescapeName(spec.slice('/dev/mapper/'.length));
  const opened = names.crypttab.find((entry) => entry.name === name);
  if (opened) return byCrypttab(opened, names, visited);
  const volume = names.devices.find((device) => isVolume(device) && volumeName(device.name) === volumeName(spec));
  if (volume) return found(volume);
  const multipath = byMultipath(name, names);
  if (multipath) return multipath;
  if (names.devices.some((device) => device.name === spec)) {
    return missing(`no line of crypttab opens ${spec}`);
  }
  return notFound(`no logical volume and no line of crypttab makes ${spec}`, names);
}

/** multipath claims only SCSI disks, each by its WWID. A partition is `NAME-part1`, `NAMEp1` or `NAME1`. */
function byMultipath(name: string, { multipath, devices, hardware }: DeviceNames): Resolution | undefined {
  const entry = multipath.find(
    (each) => name.startsWith(each.name) && /^(-?(part|p)?\d+)?$/.test(name.slice(each.name.length)),
  );
  if (entry === undefined) return undefined;
  const disk = hardware.disks.findIndex((each) => scsiId(each) === entry.wwid);
  if (disk < 0)
    return missing(`multipath calls the disk with the WWID ${entry.wwid} so, which the target does not have`);
  const partition = Number(/\d+$/.exec(name.slice(entry.name.length))?.[0] ?? 0) || undefined;
  const device = hardwareDevices(devices, hardware).find((each) => each.disk === disk && each.partition === partition);
  return device ? found(device, true) : missing(`disk ${disk + 1} has no partition ${partition}`);
}

/** The volume exists if its source does. Its content is known only if the appliance has opened it. */
function byCrypttab(entry: VolumeEntry, names: DeviceNames, visited: Set<string>): Resolution {
  const source = resolve(unquote(entry.source), names, visited);
  if (source.state !== 'found')
    return { ...source, reason: `crypttab opens ${entry.name} from ${entry.source}: ${source.reason}` };
  const path = `/dev/mapper/${entry.name}`;
  const opened = names.devices.find(({ name }) => name === path || name === openedName(source.device));
  return found(opened ?? { name: path, type: madeAtStart(entry) });
}

/**
 * With `swap` and `tmp` the volume gets new content at every start (crypttab(5)); '' if the content persists and is
 * unknown.
 */
function madeAtStart({ options = [] }: VolumeEntry): string {
  const tmp = options.find((option) => /^tmp(=|$)/.test(option));
  if (tmp !== undefined) return tmp.slice('tmp='.length) || 'ext4';
  return options.includes('swap') ? 'swap' : '';
}

function byVolume(spec: string, names: DeviceNames): Resolution {
  const volume = names.devices.find((device) => isVolume(device) && volumeName(device.name) === spec);
  return volume ? found(volume) : notFound(`there is no logical volume ${spec}`, names);
}

/** A logical volume, which libguestfs calls `/dev/VG/LV`: not a partition, an array or an opened encrypted volume. */
function isVolume({ name, volumeGroup }: BlockDevice): boolean {
  return volumeGroup !== undefined || /^\/dev\/(?!mapper\/|md\/|disk\/)[^/]+\/[^/]+$/.test(name);
}

/** The appliance's name for an opened volume that no crypttab names. */
function openedName({ uuid }: BlockDevice): string {
  return `/dev/mapper/luks-${uuid ?? ''}`;
}

/** A missing device may be inside an encrypted volume that was not opened. */
function notFound(reason: string, names: DeviceNames): Resolution {
  const closed = names.devices.filter((device) => device.type === 'crypto_LUKS' && !isOpened(device, names));
  if (closed.length === 0) return missing(reason);
  return unknown(`${reason}; ${closed.map(({ name }) => name).join(', ')} is encrypted and was not opened`);
}

function isOpened(device: BlockDevice, { devices, crypttab, hardware }: DeviceNames): boolean {
  const ownNames = [openedName(device)];
  for (const { name, source } of crypttab) {
    const plain = unquote(source);
    const isSource =
      plain.toLowerCase().endsWith(device.uuid?.toLowerCase() ?? '\0') ||
      plain === kernelName(device, hardware) ||
      plain === device.name;
    if (isSource) ownNames.push(`/dev/mapper/${name}`);
  }
  return devices.some(({ name }) => ownNames.includes(name));
}

/** `UUID="..."` is equivalent to `UUID=...`. */
function unquote(spec: string): string {
  return spec.replace(/^(\w+=)?(["'])(.*)\2$/, '$1$3');
}
