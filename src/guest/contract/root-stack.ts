import { deviceOf, type BlockDevice } from '../guest.ts';
import type { BootSubject } from './boot-check.ts';
import { resolveDevice, type DeviceNames } from './resolve-device.ts';

export type VolumeKind = 'luks' | 'lvm' | 'md';

/** The devices below the root file system, down to partitions and disks. */
export interface RootStack {
  root: BlockDevice | undefined;
  kinds: ReadonlySet<VolumeKind>;
  /** The encrypted devices themselves, of type `crypto_LUKS`. */
  encrypted: readonly BlockDevice[];
  volumeGroups: readonly string[];
  physicalVolumes: readonly BlockDevice[];
  arrays: readonly BlockDevice[];
  /** Members of arrays; with several arrays, the members of all, since a member does not record its array. */
  members: readonly BlockDevice[];
  /** Disk numbers in VM order; all disks if they are not known. */
  disks: readonly number[];
}

/** The devices below the root file system, as far as their names and types show them. */
export function readRootStack(
  { devices, mounts, hardware }: Pick<BootSubject, 'devices' | 'mounts' | 'hardware'>,
  names: DeviceNames,
): RootStack {
  const rootName = deviceOf(mounts.find(({ path }) => path === '/')?.mountable ?? '');
  const kinds = new Set<VolumeKind>();
  const found = new Set<BlockDevice>();
  const groups = new Set<string>();
  const below = (name: string): void => {
    const device = devices.find((each) => each.name === name) ?? { name, type: '' };
    if (found.has(device)) return;
    found.add(device);
    const group = groupOf(device);
    if (device.disk !== undefined) return;
    if (name.startsWith('/dev/md')) {
      kinds.add('md');
      for (const each of devices) if (each.type === 'linux_raid_member') below(each.name);
    } else if (group !== undefined) {
      kinds.add('lvm');
      groups.add(group);
      for (const each of physicalVolumesOf(group, devices)) below(each.name);
    } else if (name.startsWith('/dev/mapper/')) {
      kinds.add('luks');
      for (const each of sourcesOf(name, names)) below(each.name);
    }
  };
  below(rootName);
  const all = [...found];
  const disks = [...new Set(all.flatMap(({ disk }) => disk ?? []))];
  return {
    root: devices.find(({ name }) => name === rootName),
    kinds,
    encrypted: all.filter(({ type }) => type === 'crypto_LUKS'),
    volumeGroups: [...groups],
    physicalVolumes: all.filter(({ type }) => type === 'LVM2_member'),
    arrays: all.filter(({ name }) => name.startsWith('/dev/md')),
    members: all.filter(({ type }) => type === 'linux_raid_member'),
    disks: disks.length > 0 ? disks : hardware.disks.map((_, index) => index),
  };
}

/** The volume group of a logical volume. A physical volume has a group too, but is not a volume in it. */
function groupOf({ name, type, volumeGroup }: BlockDevice): string | undefined {
  const [, named] = /^\/dev\/(?!mapper\/|md\/)([^/]+)\/[^/]+$/.exec(name) ?? [];
  return named ?? (type === 'LVM2_member' ? undefined : volumeGroup);
}

function physicalVolumesOf(group: string, devices: readonly BlockDevice[]): BlockDevice[] {
  const all = devices.filter(({ type }) => type === 'LVM2_member');
  const known = all.filter(({ volumeGroup }) => volumeGroup !== undefined);
  return known.length > 0 ? known.filter(({ volumeGroup }) => volumeGroup === group) : all;
}

/** The encrypted device that is open as `name`: by crypttab, by the UUID in the name, or the only one. */
function sourcesOf(name: string, names: DeviceNames): readonly BlockDevice[] {
  const encrypted = names.devices.filter(({ type }) => type === 'crypto_LUKS');
  const own = name.slice('/dev/mapper/'.length);
  const byUuid = encrypted.find(({ uuid }) => uuid !== undefined && own.toLowerCase().includes(uuid.toLowerCase()));
  if (byUuid) return [byUuid];
  const source = names.crypttab.find((entry) => entry.name === own)?.source;
  const resolved = source === undefined ? undefined : resolveDevice(source, names);
  if (resolved?.state === 'found') return [resolved.device];
  return encrypted.length === 1 ? encrypted : [];
}
