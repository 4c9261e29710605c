import { GuestFiles } from '../guest-files.ts';
import { deviceOf, type Guest, type GuestDisk, type GuestMount, type GuestNic } from '../guest.ts';
import type { Guestfs } from '../guestfs.ts';
import { listBlockDevices } from './disks/block-devices.ts';
import { readDiskAliases } from './disks/disk-names.ts';
import { hardwarePlace } from './disks/disk-place.ts';
import { findRoot } from './find-root.ts';
import { readFstab } from './disks/fstab.ts';
import { listKernels } from './kernels.ts';
import { findEsp, findMounts, mountAll } from './disks/mounts.ts';
import { readSystem } from './system.ts';
import { reopenAs, unlockVolumes, type DeviceKey } from './disks/unlock.ts';
import { findVolumeNames } from './disks/volume-names.ts';

export interface OpenGuestOptions {
  disks: readonly GuestDisk[];
  nics: readonly GuestNic[];
  keys: readonly DeviceKey[];
  /** The root file system, if there are several. */
  root: string | undefined;
}

/** The usual mount point of the ESP, used if fstab does not name it. */
const ESP_PATH = '/boot/efi';

/**
 * Finds the operating system on the session's disks and mounts it read-only. The caller keeps ownership of the
 * session.
 * @throws `NoSystemError` if there is none, kind `guest` if there are several and none is selected.
 */
export async function openGuest(session: Guestfs, { disks, nics, keys, root }: OpenGuestOptions): Promise<Guest> {
  const { devices, opened } = await openVolumes(session, disks, keys);
  const rootMountable = await findRoot(session, root, { devices, opened });
  const files = new GuestFiles(session);
  await session.call(['mount-ro', rootMountable, '/']);
  const fstab = (await files.read('/etc/fstab')) ?? '';
  const diskOrder = orderOfDisks(fstab, rootMountable, { disks, devices });
  const aliases = await readDiskAliases(files, disks);
  const planned = await findMounts(rootMountable, fstab, { disks, devices, diskOrder, aliases });
  const hasEspPath = await files.isFolder(ESP_PATH);
  await session.call(['umount-all']);
  if (hasEspPath && !planned.some(({ path }) => /^\/(boot\/efi|efi|boot)$/.test(path))) {
    const esp = await findEsp(session, devices);
    if (esp !== undefined) planned.push({ mountable: esp, path: ESP_PATH });
  }
  const mounts = await mountAll(session, planned, 'read-only');
  const system = await readSystem(files);
  const kernels = await listKernels(files);
  return { session, files, disks, nics, devices, opened, diskOrder, aliases, system, mounts, kernels };
}

/** All devices, with encrypted volumes open under the names in the guest's configuration. */
async function openVolumes(
  session: Guestfs,
  disks: readonly GuestDisk[],
  keys: readonly DeviceKey[],
): Promise<Pick<Guest, 'devices' | 'opened'>> {
  const opened = await unlockVolumes(session, keys);
  const devices = await listBlockDevices(session);
  const diskOrder = disks.map((_, index) => index);
  const names = await findVolumeNames(session, opened, { devices, disks, diskOrder });
  const reopened = await reopenAs(session, opened, names);
  const isRenamed = reopened.some(({ name }, index) => name !== opened[index]?.name);
  return {
    devices: isRenamed ? await listBlockDevices(session) : devices,
    opened: reopened.map(({ device, name }) => ({ device, name })),
  };
}

/** Remounts the guest for writing. */
export async function makeWritable({ session, mounts }: Pick<Guest, 'session' | 'mounts'>): Promise<GuestMount[]> {
  await session.call(['umount-all']);
  return await mountAll(session, mounts, 'writable');
}

/** Remounts the guest read-only and reads the data again that changes can affect. */
export async function reopenGuest(guest: Guest): Promise<Guest> {
  const { session, files } = guest;
  await session.call(['umount-all']);
  const mounts = await mountAll(session, guest.mounts, 'read-only');
  const devices = await listBlockDevices(session);
  return { ...guest, mounts, devices, system: await readSystem(files), kernels: await listKernels(files) };
}

/**
 * A guest's `/dev/sdb` need not be the second disk of its VM. If fstab names the root that way, and the root was
 * found on another disk, those two disks are swapped.
 */
function orderOfDisks(
  fstab: string,
  root: string,
  { disks, devices }: Pick<Guest, 'disks' | 'devices'>,
): readonly number[] {
  const order = disks.map((_, index) => index);
  const spec = readFstab(fstab).find(({ path }) => path === '/')?.spec ?? '';
  const named = hardwarePlace(spec, { disks, diskOrder: order })?.disk;
  const found = devices.find(({ name }) => name === deviceOf(root))?.disk;
  if (named === undefined || found === undefined || named === found) return order;
  [order[named], order[found]] = [found, named];
  return order;
}
