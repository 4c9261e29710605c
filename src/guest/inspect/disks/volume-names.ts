import { parseCrypttab } from '../../config/crypttab.ts';
import type { GuestTree } from '../../guest-tree.ts';
import { GuestFiles } from '../../guest-files.ts';
import type { BlockDevice, Guest } from '../../guest.ts';
import type { Guestfs } from '../../guestfs.ts';
import { fileSystemOf } from './block-devices.ts';
import { findDevice, volumeName } from './find-device.ts';
import { ROOT_TYPES } from './root-types.ts';
import type { OpenedVolume } from './unlock.ts';

type Known = Pick<Guest, 'devices' | 'disks' | 'diskOrder'>;

/** Settings of the kernel command line, which name volumes on Arch and with systemd, in addition to crypttab. */
const COMMAND_LINES = ['/etc/kernel/cmdline', '/etc/default/grub', '/etc/default/grub.d/cmdline.cfg'];
/** A snapshot tool can have hundreds of subvolumes, and each costs a mount. */
const MOST_CANDIDATES = 200;
/** A name that is safe in a command and that device-mapper does not escape. */
const PLAIN_NAME = /^[A-Za-z0-9][\w.+-]{0,100}$/;

/**
 * The names in the guest's configuration for the opened volumes, by encrypted device. Nothing is mounted before and
 * after.
 */
export async function findVolumeNames(
  session: Guestfs,
  opened: readonly OpenedVolume[],
  guest: Known,
): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  if (opened.length === 0) return names;
  const files = new GuestFiles(session);
  // A btrfs root may be in a subvolume, which is not a device.
  const fileSystems = (await session.lines(['list-filesystems'])).map(fileSystemOf);
  for (const { name } of fileSystems.filter(({ type }) => ROOT_TYPES.has(type)).slice(0, MOST_CANDIDATES)) {
    if ((await session.attempt(['mount-ro', name, '/'])) === undefined) continue;
    try {
      for (const [device, volume] of await readVolumeNames(files, guest)) {
        if (opened.some((each) => each.device === device) && !names.has(device)) names.set(device, volume);
      }
    } finally {
      await session.call(['umount-all']);
    }
  }
  return names;
}

/**
 * The names of encrypted volumes in the configuration of one operating system, by encrypted device: from crypttab,
 * then from the kernel command line.
 */
export async function readVolumeNames(files: GuestTree, guest: Known): Promise<ReadonlyMap<string, string>> {
  const entries = parseCrypttab((await files.read('/etc/crypttab')) ?? '').map(({ name, source }) => ({
    name,
    source,
  }));
  for (const path of COMMAND_LINES) entries.push(...volumesOf((await files.read(path)) ?? ''));
  const names = new Map<string, string>();
  for (const { name, source } of entries) {
    const device = findDevice(source, guest);
    if (device && isFree(name, device, names, guest)) names.set(device.name, name);
  }
  return names;
}

function isFree(name: string, device: BlockDevice, names: ReadonlyMap<string, string>, { devices }: Known): boolean {
  if (!PLAIN_NAME.test(name) || names.has(device.name) || [...names.values()].includes(name)) return false;
  // Device-mapper names must be unique, including those of logical volumes (`vg-root`).
  return name !== 'control' && !devices.some((other) => volumeName(other.name) === volumeName(`/dev/mapper/${name}`));
}

/** `rd.luks.name=UUID=NAME` of dracut and systemd, `cryptdevice=DEVICE:NAME` of Arch. */
function volumesOf(text: string): { name: string; source: string }[] {
  const found = [...text.matchAll(/(?:^|[\s"'])(?:rd\.luks\.name=([\w-]+)=|cryptdevice=(\S+?):)([\w.+-]+)/g)];
  return found.map(([, uuid, source = '', name = '']) => ({
    name,
    source: uuid === undefined ? source : `UUID=${uuid}`,
  }));
}
