import { GuestFiles } from '../../guest-files.ts';
import { deviceOf, type BlockDevice, type Guest, type GuestMount } from '../../guest.ts';
import type { Guestfs } from '../../guestfs.ts';
import { findDevice, fitsType } from './find-device.ts';
import { optionValue, readFstab, type FstabEntry } from './fstab.ts';

/** The mount points that contain files for the fixes. */
const SYSTEM_PATHS = /^\/(boot|efi|usr|var|etc|opt)(\/|$)/;

type Known = Pick<Guest, 'devices' | 'disks' | 'diskOrder' | 'aliases'>;

/**
 * The file systems that fstab on the mounted root adds: `/boot`, the ESP, `/usr`, `/var`, each with its actual
 * device. The shortest path first.
 */
export async function findMounts(root: string, fstab: string, guest: Known): Promise<GuestMount[]> {
  const mounts: GuestMount[] = [{ mountable: root, path: '/' }];
  const entries = readFstab(fstab).filter(({ path }) => SYSTEM_PATHS.test(path));
  for (const entry of entries.toSorted((a, b) => a.path.length - b.path.length)) {
    const used = new Set(mounts.map(({ mountable }) => deviceOf(mountable)));
    const device = findDevice(entry.spec, guest, entry.type) ?? onlyFitting(entry, guest.devices, used);
    if (device) mounts.push({ mountable: mountableOf(device, entry), path: entry.path });
  }
  return mounts;
}

/** Mounts the file systems in order, so that parents come first; those that fail to mount are left out. */
export async function mountAll(
  session: Guestfs,
  mounts: readonly GuestMount[],
  mode: 'read-only' | 'writable',
): Promise<GuestMount[]> {
  const done: GuestMount[] = [];
  for (const mount of mounts) {
    const command = [mode === 'read-only' ? 'mount-ro' : 'mount', mount.mountable, mount.path];
    if (mount.path === '/') await session.call(command);
    else if ((await session.attempt(command)) === undefined) continue;
    done.push(mount);
  }
  return done;
}

/**
 * The ESP of a guest whose fstab does not name it, for example because systemd mounts it: the only FAT file system
 * with `/EFI`. Nothing is mounted before and after.
 */
export async function findEsp(session: Guestfs, devices: readonly BlockDevice[]): Promise<string | undefined> {
  const files = new GuestFiles(session);
  const found: string[] = [];
  for (const { name, type } of devices) {
    if (type !== 'vfat' || (await session.attempt(['mount-ro', name, '/'])) === undefined) continue;
    if (await files.isFolder('/EFI')) found.push(name);
    await session.call(['umount-all']);
  }
  return found.length === 1 ? found[0] : undefined;
}

function mountableOf({ name, type }: BlockDevice, { options }: FstabEntry): string {
  const subvolume = type === 'btrfs' ? optionValue(options, 'subvol') : undefined;
  return subvolume === undefined ? name : `btrfsvol:${name}/${subvolume.replace(/^\/+/, '')}`;
}

/** Replaces a name without a device: for the ESP, the only FAT partition. */
function onlyFitting(
  { path, type }: FstabEntry,
  devices: readonly BlockDevice[],
  used: ReadonlySet<string>,
): BlockDevice | undefined {
  if (!/^\/(boot|efi)/.test(path) || type === 'auto') return undefined;
  const fitting = devices.filter((device) => !used.has(device.name) && fitsType(device.type, type));
  return fitting.length === 1 ? fitting[0] : undefined;
}
