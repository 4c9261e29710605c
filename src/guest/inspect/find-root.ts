import { GuestFiles } from '../guest-files.ts';
import { deviceOf, type BlockDevice, type EncryptedVolume } from '../guest.ts';
import type { Guestfs } from '../guestfs.ts';
import { fileSystemOf } from './disks/block-devices.ts';
import { optionValue, readFstab } from './disks/fstab.ts';
import { ROOT_TYPES } from './disks/root-types.ts';
import { NoSystemError, severalRoots, systemList, type FoundSystem } from '../no-system.ts';
import { findOtherSystems } from './other-systems.ts';
import { readSystem } from './system.ts';
import { lockedDevices } from './disks/unlock.ts';
import { lookForWindows, UNNAMED_WINDOWS, WindowsFoundError, type WindowsSystem } from '../windows/windows-system.ts';

/** A snapshot tool can have hundreds of subvolumes, and each costs a mount. */
const MOST_CANDIDATES = 200;

/**
 * The guest's root file system, found by its content, whatever its fstab says. `wanted` selects one of several.
 * Nothing is mounted before and after.
 * @throws {@link NoSystemError} if there is none, {@link WindowsFoundError} if it is Windows.
 */
export async function findRoot(
  session: Guestfs,
  wanted: string | undefined,
  { devices, opened }: { devices: readonly BlockDevice[]; opened: readonly EncryptedVolume[] },
): Promise<string> {
  const fileSystems = (await session.lines(['list-filesystems'])).map(fileSystemOf);
  const candidates = fileSystems.filter(({ type }) => ROOT_TYPES.has(type)).slice(0, MOST_CANDIDATES);
  const roots: Root[] = [];
  for (const { name, type } of candidates) {
    const root = await lookAtRoot(session, name);
    if (root) roots.push(type === 'btrfs' ? await withSubvolume(session, root) : root);
  }
  const chosen = wanted === undefined ? withoutSnapshots(roots) : roots.filter(isNamed(wanted));
  const windows = await findWindows(session, fileSystems, wanted);
  // A folder with the files of Windows, without its registry, is a copy next to the system.
  const booting = chosen.length === 0 ? windows : windows.filter(({ productName }) => productName !== UNNAMED_WINDOWS);
  const systems = [...chosen.map(systemOf), ...booting.map(({ device, productName: name }) => ({ device, name }))];
  if (systems.length > 1) throw severalRoots(systems);
  const [first] = chosen;
  if (first) return first.mountable;
  if (booting[0]) throw new WindowsFoundError(booting[0]);
  throw wanted === undefined ? await nothingFound(session, devices, opened) : notThere(roots, wanted);
}

interface Root {
  mountable: string;
  /**
   * The subvolume that its own fstab mounts at `/`, without leading and trailing slashes; undefined if it names none.
   */
  ownSubvolume: string | undefined;
  /** The system's name with its version. */
  name: string;
  /** It is the default subvolume of its file system. */
  isDefault?: boolean;
}

function systemOf({ mountable, name }: Root): FoundSystem {
  return { device: mountable, name };
}

async function lookAtRoot(session: Guestfs, mountable: string): Promise<Root | undefined> {
  const mounted = await session.attempt(['mount-ro', mountable, '/']);
  if (mounted === undefined) return undefined;
  try {
    const files = new GuestFiles(session);
    const hasConfig = (await files.exists('/etc/fstab')) || (await files.exists('/etc/os-release'));
    // With a separate /usr, these are links whose targets do not exist yet.
    if (!hasConfig || !((await files.exists('/sbin')) && (await files.exists('/lib')))) return undefined;
    const fstab = readFstab((await files.read('/etc/fstab')) ?? '');
    const options = fstab.find(({ path }) => path === '/')?.options ?? [];
    const { prettyName: name } = await readSystem(files);
    return { mountable, ownSubvolume: optionValue(options, 'subvol')?.replace(/^\/+|\/+$/g, ''), name };
  } finally {
    await session.call(['umount-all']);
  }
}

/**
 * libguestfs lists the default subvolume, which the SUSE family's root is, under the name of its device only. Boot
 * loaders name files by their path in the file system, so the root's mountable names the subvolume.
 */
async function withSubvolume(session: Guestfs, root: Root): Promise<Root> {
  const { mountable } = root;
  if (mountable.startsWith('btrfsvol:')) return root;
  const path = await defaultSubvolume(session, mountable);
  return { ...root, mountable: path === undefined ? mountable : `btrfsvol:${mountable}/${path}`, isDefault: true };
}

function isNamed(wanted: string): (root: Root) => boolean {
  return ({ mountable, isDefault }) => mountable === wanted || (isDefault === true && deviceOf(mountable) === wanted);
}

function notThere(roots: readonly Root[], wanted: string): NoSystemError {
  const there = roots.length === 0 ? 'There is none.' : `There is: ${systemList(roots.map(systemOf))}.`;
  return new NoSystemError(`There is no system on ${wanted}, which --root names.`, there);
}

async function findWindows(
  session: Guestfs,
  found: readonly { name: string; type: string }[],
  wanted: string | undefined,
): Promise<WindowsSystem[]> {
  const systems: WindowsSystem[] = [];
  for (const { name, type } of found) {
    if (type !== 'ntfs' || (wanted !== undefined && name !== wanted)) continue;
    const system = await lookForWindows(session, name);
    if (system) systems.push(system);
  }
  return systems;
}

/**
 * For a btrfs file system with several roots, keeps the one whose fstab names itself, or else the default subvolume.
 * The others are its snapshots, or earlier states before an update.
 */
function withoutSnapshots(roots: readonly Root[]): Root[] {
  const kept: Root[] = [];
  for (const [device, group] of Map.groupBy(roots, ({ mountable }) => deviceOf(mountable))) {
    const own = group.filter(({ mountable, ownSubvolume }) => subvolumeOf(mountable, device) === ownSubvolume);
    const byDefault = group.filter(({ isDefault }) => isDefault);
    kept.push(...([own, byDefault].find(({ length }) => length === 1) ?? group));
  }
  return kept;
}

function subvolumeOf(mountable: string, device: string): string {
  return mountable.startsWith('btrfsvol:') ? mountable.slice(`btrfsvol:${device}/`.length) : '';
}

/** The path of the default subvolume; undefined if that is the top level of the file system. */
async function defaultSubvolume(session: Guestfs, device: string): Promise<string | undefined> {
  if ((await session.attempt(['mount-ro', device, '/'])) === undefined) return undefined;
  try {
    const id = await session.text(['btrfs-subvolume-get-default', device]);
    const list = await session.text(['btrfs-subvolume-list', device]);
    const [, path] = new RegExp(`btrfssubvolume_id: ${id}\\b[^}]*?btrfssubvolume_path: (.*)`).exec(list) ?? [];
    return path;
  } finally {
    await session.call(['umount-all']);
  }
}

async function nothingFound(
  session: Guestfs,
  devices: readonly BlockDevice[],
  opened: readonly EncryptedVolume[],
): Promise<NoSystemError> {
  const locked = lockedDevices(devices, opened);
  if (locked.length > 0) {
    const names = locked.map(({ name }) => `${name} (LUKS)`).join(', ');
    return new NoSystemError(
      `There is no system on the disks that can be read; encrypted: ${names}.`,
      `Give the passphrase in a file with --key ${locked[0]?.name ?? ''}:file:PATH.`,
    );
  }
  const others = await findOtherSystems(session, devices);
  if (others.length > 0) {
    return new NoSystemError(
      `There is no Linux and no Windows on the disks. They contain: ${systemList(others)}.`,
      'Such a system is converted without changes (--fix auto or --fix off), with the hardware of its source where QEMU has it.',
    );
  }
  const types = devices.map(({ name, type }) => `${name} (${type || 'unknown'})`).join(', ');
  return new NoSystemError(
    'There is no Linux system on the disks.',
    `${types === '' ? 'They hold no file system.' : `They hold: ${types}.`} For a VM that has only data, use --no-system.`,
    { isDataOnly: true },
  );
}
