import type { BlockDevice } from '../guest.ts';
import type { TargetHardware } from './boot-check.ts';
import { matchesAlternatives } from '../config/glob.ts';
import { assigned, type UdevRule, type UdevToken } from '../config/udev-rules.ts';
import { found, missing, unknown, type Resolution } from './resolution.ts';
import { guestSerial, hardwareDevices, hardwareIds, kernelName, scsiId } from './target-names.ts';

/** A symbolic link that one of the guest's own rules creates. */
export interface UdevLink {
  /** Absolute: `/dev/data`; may contain `%n` and other substitutions. */
  name: string;
  file: string;
  rule: UdevRule;
}

/** The SCSI ids and WWNs of VMware's disks, which no QEMU disk has. */
const VMWARE_ID = /^(0x)?3?6000c29/i;

/** Undefined if the result cannot be determined outside the guest. */
type Match = boolean | undefined;

/** The links that rules for block devices create. */
export function udevLinks(file: string, rules: readonly UdevRule[]): UdevLink[] {
  return rules
    .filter(
      ({ tokens }) => !tokens.some(({ key, value }) => key === 'SUBSYSTEM' && !matchesAlternatives(value, 'block')),
    )
    .flatMap((rule) => assigned(rule, 'SYMLINK').map((name) => ({ name: `/dev/${name}`, file, rule })));
}

/** The device that a link of the guest's own rules refers to on the target; undefined if no rule creates the link. */
export function linkedDevice(
  path: string,
  allLinks: readonly UdevLink[],
  devices: readonly BlockDevice[],
  hardware: TargetHardware,
): Resolution | undefined {
  const links = allLinks.filter(({ name }) => linkPattern(name).test(path));
  if (links.length === 0) return undefined;
  const certain = new Set<BlockDevice>();
  let isPossible = false;
  for (const device of hardwareDevices(devices, hardware)) {
    for (const link of links.filter(({ name }) => expandLink(name, device, hardware) === path)) {
      const matches = ruleMatches(link, device, hardware);
      if (matches) certain.add(device);
      isPossible ||= matches === undefined;
    }
  }
  const [first, ...more] = certain;
  const rules = `the rule for ${path} (${links.map(({ file, rule }) => `${file}, line ${rule.line}`).join('; ')})`;
  if (first && more.length === 0) return found(first, true);
  if (first) return unknown(`${rules} matches several devices`);
  if (isPossible) return unknown(`${rules} has keys that cannot be judged`);
  return missing(`${rules} matches no device of the target`);
}

/** udev replaces `%n` with the partition number and `%k` with the kernel's name. */
function expandLink(name: string, device: BlockDevice, hardware: TargetHardware): string {
  const kernel = kernelName(device, hardware)?.replace(/^\/dev\//, '') ?? '';
  return name.replace(/%n|\$number/g, device.partition?.toString() ?? '').replace(/%k|\$kernel/g, kernel);
}

function linkPattern(name: string): RegExp {
  const parts = name.split(/%n|\$number|%k|\$kernel/).map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${parts.join('\\w*')}$`);
}

/**
 * Whether the rule creates its link for this device on the target. Undefined if a key cannot be evaluated and no
 * other excludes the device.
 */
function ruleMatches({ rule }: UdevLink, device: BlockDevice, hardware: TargetHardware): Match {
  const matches = new Set(rule.tokens.map((token) => tokenMatches(token, device, hardware)));
  if (matches.has(false)) return false;
  return matches.has(undefined) ? undefined : true;
}

/** An assignment is not a match condition. */
function tokenMatches(token: UdevToken, device: BlockDevice, hardware: TargetHardware): Match {
  if (token.operator !== '==' && token.operator !== '!=') return true;
  const values = valuesOf(token, device, hardware);
  if (values === undefined && !VMWARE_ID.test(token.value)) return undefined;
  const isEqual = values?.some((value) => matchesAlternatives(token.value, value)) ?? false;
  return isEqual === (token.operator === '==');
}

/** The values of the key for the device on the target; undefined if they are not known. */
function valuesOf({ key, attribute }: UdevToken, device: BlockDevice, hardware: TargetHardware): string[] | undefined {
  const disk = device.disk === undefined ? undefined : hardware.disks[device.disk];
  const kernel = (kernelName(device, hardware) ?? device.name).replace(/^\/dev\//, '');
  const wholeDisk = kernelName({ disk: device.disk }, hardware)?.replace(/^\/dev\//, '');
  const isSd = disk?.names === 'sd';
  switch (key) {
    case 'KERNEL':
      return [kernel];
    case 'KERNELS':
      // SCSI addresses and PCI functions are not known.
      return isSd ? undefined : [kernel, ...(wholeDisk ? [wholeDisk] : []), 'virtio0'];
    case 'SUBSYSTEM':
      return ['block'];
    case 'SUBSYSTEMS':
      return disk?.names === 'vd' ? ['block', 'virtio', 'pci'] : isSd ? ['block', 'scsi', 'pci'] : undefined;
    case 'ACTION':
      return ['add', 'change'];
    case 'DRIVERS':
      return disk?.names === 'vd' ? ['virtio_blk', 'virtio-pci', ''] : undefined;
    // Only scsi_id prints such results, and it fails on virtio-blk.
    case 'PROGRAM':
      return undefined;
    case 'RESULT': {
      const id = disk && scsiId(disk);
      return disk?.names === 'sd' && id === undefined ? undefined : [id ?? ''];
    }
    case 'ENV':
      return environmentOf(attribute ?? '', device, hardware);
    case 'ATTR':
    case 'ATTRS':
      return attributesOf(attribute ?? '', device, hardware);
    default:
      return undefined;
  }
}

function environmentOf(name: string, device: BlockDevice, hardware: TargetHardware): string[] | undefined {
  const disk = device.disk === undefined ? undefined : hardware.disks[device.disk];
  const known: Record<string, string | undefined> = {
    ID_FS_UUID: device.uuid,
    ID_FS_UUID_ENC: device.uuid,
    ID_FS_LABEL: device.label,
    ID_FS_LABEL_ENC: device.label,
    ID_FS_TYPE: device.type,
    ID_PART_ENTRY_UUID: device.partUuid,
    ID_PART_ENTRY_NAME: device.partLabel,
    ID_PART_ENTRY_NUMBER: device.partition?.toString(),
    DEVTYPE: device.partition === undefined ? 'disk' : 'partition',
    DEVNAME: kernelName(device, hardware) ?? device.name,
  };
  if (name in known) return [known[name] ?? ''];
  // QEMU gives disks no WWN unless the domain specifies one.
  if (/^(ID_WWN|ID_SCSI_SERIAL|DM_|ID_VENDOR|ID_MODEL|SCSI_)/.test(name) && disk?.names === 'vd') return [''];
  if (name.startsWith('ID_WWN')) return [''];
  if (!/^ID_SERIAL(_SHORT)?$/.test(name)) return undefined;
  const ids = hardwareIds({ disk: device.disk }, hardware);
  if (ids.length === 0) return disk?.names === 'vd' ? [''] : undefined;
  return ids.map((id) => id.replace(/^(virtio|ata|scsi|nvme)-/, '')).concat((disk && guestSerial(disk)) ?? []);
}

function attributesOf(name: string, device: BlockDevice, hardware: TargetHardware): string[] | undefined {
  const disk = device.disk === undefined ? undefined : hardware.disks[device.disk];
  if (name === 'partition') return [device.partition?.toString() ?? ''];
  if (name === 'serial') return [(disk && guestSerial(disk)) ?? ''];
  if (name === 'wwid' && disk?.names === 'vd') return [''];
  if (disk?.names === 'vd' && /^(model|vendor|rev|type)$/.test(name)) return [''];
  if (disk?.names === 'sd' && name === 'model') return ['QEMU HARDDISK'];
  return undefined;
}
