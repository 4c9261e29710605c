import { posix } from 'node:path';
import { GuestFiles } from '../guest-files.ts';
import type { Guestfs } from '../guestfs.ts';
import { readHive } from './hive.ts';
import { windowsPath } from './windows-system.ts';

/** The virtio-win drivers that a Windows has. */
export interface InstalledDrivers {
  /** The driver for virtio disks, if it is installed and Windows loads it before it accesses a disk. */
  diskDriver: string | undefined;
  /** The folder from which Windows installs drivers at its next start; undefined if there is none. */
  folder: string | undefined;
  /** The names in it, without `.inf`: `netkvm`. */
  names: string[];
}

/** Loaded by the boot loader (`SERVICE_BOOT_START`). */
const BOOT_START = 0;

/** Inspects a Windows volume. Nothing is mounted before and after. */
export async function readInstalledDrivers(session: Guestfs, device: string): Promise<InstalledDrivers> {
  await session.call(['mount-ro', device, '/']);
  try {
    const driver = await windowsPath(session, '/windows/system32/drivers/viostor.sys');
    const folder = await windowsPath(session, '/windows/drivers/virtio');
    const found = folder === undefined ? [] : await new GuestFiles(session).find(folder, /\.inf$/i);
    return {
      diskDriver: (await startOf(session, 'viostor')) === BOOT_START ? driver : undefined,
      folder,
      names: found.map((path) => posix.basename(path).slice(0, -'.inf'.length).toLowerCase()),
    };
  } finally {
    await session.call(['umount-all']);
  }
}

/** The start type of a driver; undefined if the registry does not contain the driver. */
async function startOf(session: Guestfs, service: string): Promise<number | undefined> {
  const path = await windowsPath(session, '/windows/system32/config/system');
  if (path === undefined) return undefined;
  return await readHive(session, path, async (hive) => {
    const current = (await hive.number(['Select'], 'Current')) ?? 1;
    const controlSet = `ControlSet${String(current).padStart(3, '0')}`;
    return await hive.number([controlSet, 'Services', service], 'Start');
  });
}
