import { Hyper2kvmError } from '../../base/errors.ts';
import { checkBoot } from '../../guest/contract/check-boot.ts';
import { readLoaderConfigs } from '../../guest/contract/boot-entries/loaders/loader-configs.ts';
import { diskReader } from '../../guest/contract/read-disk.ts';
import { deviceOf, type Guest, type GuestDisk } from '../../guest/guest.ts';
import { Guestfs } from '../../guest/guestfs.ts';
import { openGuest } from '../../guest/inspect/open-guest.ts';
import { network } from '../../guest/linux/network.ts';
import { planFixes } from '../../guest/linux/plan-fixes.ts';
import { WindowsFoundError } from '../../guest/windows/windows-system.ts';
import { diskInPlace } from '../convert/disk-in-place.ts';
import { openSourceDisk, type ConvertSource } from '../convert/convert-source.ts';
import { machineOf } from '../convert/described-machine.ts';
import { obstacleOfGuest } from '../domain/foreign-guest.ts';
import { targetHardware } from '../fix-guest/target-hardware.ts';
import type { GuestInfo, InspectOptions } from './types.ts';

/**
 * Reads the guest on the disks of a source in a read-only appliance of libguestfs. Disks without a system, and several
 * systems, are results and not errors.
 * @throws kind `host` without guestfish, kind `image` for disks that QEMU cannot read where they are.
 */
export async function inspectGuest(
  source: ConvertSource,
  { keys, root, env }: InspectOptions,
  inputFormat: 'raw' | undefined,
  signal: AbortSignal,
): Promise<GuestInfo> {
  const { machine } = source;
  const obstacle = machine === undefined ? undefined : obstacleOfGuest(machine.architecture);
  if (obstacle !== undefined) return { found: false, reason: 'Only x86-64 guests are inspected.', hint: undefined };
  const disks = await disksOf(source, inputFormat);
  await using session = await Guestfs.start({ disks, readOnly: true, signal, env });
  try {
    const nics = machine?.nics ?? [];
    const guest = await openGuest(session, { disks, nics, keys, root });
    const uuids = disks.map(({ uuid }) => uuid);
    const hardware = targetHardware(machine && machineOf(machine, uuids), disks.length, 'virtio');
    const readers = { readDisk: diskReader(session), readLabel: (path: string) => guest.files.label(path) };
    const subject = { ...guest, hardware, ...readers };
    const { first } = await readLoaderConfigs(subject);
    const { configuredNics } = await planFixes(guest, [network]);
    return {
      found: true,
      system: guest.system.prettyName,
      kind: 'linux',
      root: guest.mounts[0]?.mountable ?? '',
      fileSystems: fileSystemsOf(guest),
      bootLoader: first && { name: first.loader, file: first.file },
      kernels: guest.kernels.map(({ version, initramfs }) => ({ version, hasInitramfs: initramfs !== undefined })),
      nics: configuredNics,
      encrypted: encryptedOf(guest),
      virtio: await checkBoot(subject),
    };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof WindowsFoundError) return windowsInfo(error);
    if (!(error instanceof Hyper2kvmError) || error.kind !== 'guest') throw error;
    return { found: false, reason: error.message, hint: error.hint };
  }
}

function windowsInfo({ system }: WindowsFoundError): GuestInfo {
  const nothing = { fileSystems: [], bootLoader: undefined, kernels: [], nics: [], encrypted: [], virtio: undefined };
  return { found: true, system: system.productName, kind: 'windows', root: system.device, ...nothing };
}

async function disksOf(source: ConvertSource, inputFormat: 'raw' | undefined): Promise<GuestDisk[]> {
  const found: GuestDisk[] = [];
  for (const index of source.disks.keys()) {
    const disk = await openSourceDisk(source, index + 1, { inputFormat });
    try {
      const uuid = disk.kind === 'image' ? disk.image.diskUuid : disk.uuid;
      const inPlace = await diskInPlace(source, index, disk, uuid);
      if (inPlace === undefined) throw notInPlace(source, index);
      found.push(inPlace);
    } finally {
      if (disk.kind === 'image') await disk.image[Symbol.asyncDispose]();
    }
  }
  return found;
}

function notInPlace({ path, container }: ConvertSource, index: number): Hyper2kvmError {
  const isArchive = container === 'ova' || container === 'gzip-ova';
  const why = isArchive
    ? 'its disks are in an archive'
    : `disk ${index + 1} has several files, or a format that QEMU is not given here`;
  return new Hyper2kvmError('image', `The guest in ${path} cannot be inspected: ${why}.`, {
    hint: `${isArchive ? 'Unpack it (tar -xf) and name its .ovf file, or use' : 'Use'} hyper2kvm convert --fix-plan, which converts the disks to temporary files.`,
  });
}

function fileSystemsOf({ devices, mounts }: Guest): Extract<GuestInfo, { found: true }>['fileSystems'] {
  return devices.map(({ name, type, label, uuid }) => {
    const points = mounts.filter(({ mountable }) => deviceOf(mountable) === name).map(({ path }) => path);
    return { device: name, type, label, uuid, mountPoint: points[0] };
  });
}

function encryptedOf({ devices, opened }: Guest): { device: string; isOpen: boolean }[] {
  const locked = devices.filter(({ type }) => type === 'crypto_LUKS');
  return locked.map(({ name }) => ({ device: name, isOpen: opened.some(({ device }) => device === name) }));
}
