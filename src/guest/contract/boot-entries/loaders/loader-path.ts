import { posix } from 'node:path';
import { deviceOf } from '../../../guest.ts';
import type { BootSubject } from '../../boot-check.ts';
import type { EntryFile, SourcePlace } from '../boot-entry.ts';

type Mounted = Pick<BootSubject, 'files' | 'mounts'>;

/** The location of a boot loader's file: the device of the file system, and the path from its root. */
export interface LoaderPath {
  /** The device's name in the appliance. */
  device: string;
  path: string;
}

/**
 * The guest's path of a boot loader's file; undefined if the guest does not mount that file system, or mounts another
 * one over the path.
 */
export function guestPath({ device, path }: LoaderPath, { mounts }: Pick<BootSubject, 'mounts'>): string | undefined {
  const clean = posix.normalize(`/${path}`);
  for (const mount of mounts.filter(({ mountable }) => deviceOf(mountable) === device)) {
    const below = belowSubvolume(clean, mount.mountable, device);
    if (below === undefined) continue;
    const found = posix.join(mount.path, below);
    if (mountOf(found, { mounts })?.path === mount.path) return found;
  }
  return undefined;
}

/**
 * A boot loader sees a btrfs file system from its top level, or, with the SUSE family's patches, from its default
 * subvolume. Both forms are accepted. Undefined for a path into another subvolume than the mounted one.
 */
function belowSubvolume(path: string, mountable: string, device: string): string | undefined {
  if (!mountable.startsWith('btrfsvol:')) return path;
  const subvolume = posix.normalize(mountable.slice(`btrfsvol:${device}`.length));
  if (path === subvolume || path.startsWith(`${subvolume}/`)) return path.slice(subvolume.length) || '/';
  return path.startsWith('/@') ? undefined : path;
}

/** The mount that contains a path of the guest. */
export function mountOf(
  path: string,
  { mounts }: Pick<BootSubject, 'mounts'>,
): BootSubject['mounts'][number] | undefined {
  return mounts
    .filter((mount) => mount.path === '/' || path === mount.path || path.startsWith(`${mount.path}/`))
    .toSorted((a, b) => b.path.length - a.path.length)[0];
}

/** The inverse of {@link guestPath}, for a path without links. */
export function loaderPath(path: string, { mounts }: Pick<BootSubject, 'mounts'>): LoaderPath | undefined {
  const mount = mountOf(path, { mounts });
  if (!mount) return undefined;
  const device = deviceOf(mount.mountable);
  const subvolume = mount.mountable.startsWith('btrfsvol:') ? mount.mountable.slice(`btrfsvol:${device}`.length) : '';
  return { device, path: posix.join('/', subvolume, posix.relative(mount.path, path)) };
}

/** The file that an entry names. `from` is undefined if the file system is not known; `why` contains the reason. */
export async function entryFile(
  written: string,
  from: LoaderPath | { why: string },
  place: SourcePlace,
  guest: Mounted,
): Promise<EntryFile> {
  if ('why' in from) return { written, ...place, path: undefined, state: 'unknown', reason: from.why };
  const path = guestPath(from, guest);
  if (path === undefined) {
    const reason = `${from.device} is not mounted where ${from.path} can be read`;
    return { written, ...place, path, state: 'unknown', reason };
  }
  if (!(await guest.files.isFile(path))) {
    const reason = `there is no ${from.path} on ${from.device}`;
    return { written, ...place, path, state: 'missing', reason };
  }
  // A boot loader follows links within one file system only.
  const real = await guest.files.realPath(path);
  const isSame = mountOf(real, guest)?.path === mountOf(path, guest)?.path;
  const reason = isSame ? undefined : `${from.path} on ${from.device} is a link to another file system (${real})`;
  return { written, ...place, path: real, state: isSame ? 'there' : 'missing', reason };
}

/** The EFI system partition: the FAT file system with the folder `EFI`. */
export async function findEspMount({
  files,
  mounts,
  devices,
}: Pick<BootSubject, 'files' | 'mounts' | 'devices'>): Promise<BootSubject['mounts'][number] | undefined> {
  for (const mount of mounts) {
    const type = devices.find(({ name }) => name === mount.mountable)?.type;
    if (type !== 'vfat' || !/^\/(boot\/efi|efi|boot|boot\/EFI)$/.test(mount.path)) continue;
    if (await files.isFolder(posix.join(mount.path, 'EFI'))) return mount;
  }
  return undefined;
}

/** Finds a path in a folder case-insensitively, as on FAT. Undefined if it does not exist. */
export async function findIgnoringCase(
  folder: string,
  path: string,
  files: BootSubject['files'],
): Promise<string | undefined> {
  let at = folder;
  for (const part of path.split('/').filter((name) => name !== '')) {
    const names = await files.list(at);
    const name = names.includes(part) ? part : names.find((each) => each.toLowerCase() === part.toLowerCase());
    if (name === undefined) return undefined;
    at = posix.join(at, name);
  }
  return at;
}
