import { stat } from 'node:fs/promises';
import type { GuestNet } from '../../base/guest-net.ts';
import type { TargetHardware } from '../../guest/contract/boot-check.ts';
import type { GuestDisk, GuestNic } from '../../guest/guest.ts';
import { partialPath } from '../../base/output/partial-name.ts';
import { obstacleOfGuest } from '../domain/foreign-guest.ts';
import { fixImages } from '../fix-guest/fix-images.ts';
import type { FixEvent, FixReport, FixOptions } from '../fix-guest/types.ts';
import type { OperationContext } from '../operation-context.ts';
import type { ConvertedDisk } from './types.ts';

export interface ConvertedMachine {
  /** All disks of the VM in VM order. Their images have `.partial` names. */
  disks: readonly ConvertedDisk[];
  /** The source address of each disk, if the source records it. */
  addresses: readonly GuestDisk['address'][];
  /** VMware's UUID of each disk, if known. */
  uuids: readonly GuestDisk['uuid'][];
  nics: readonly GuestNic[];
  hardware: TargetHardware;
  /** The addresses of the guest on VMware, if they are known. */
  guestNet: GuestNet | undefined;
  /** Called once before the first byte of an image changes. */
  beforeChange: () => void;
  /** From {@link obstacleToFix}. */
  obstacle: string | undefined;
  env: NodeJS.ProcessEnv | undefined;
}

/** Why the guest in the results cannot be changed, as a clause. */
export function obstacleToFix(
  format: string,
  isOneOfSeveral: boolean,
  architecture: string | undefined,
): string | undefined {
  const ofGuest = architecture === undefined ? undefined : obstacleOfGuest(architecture);
  if (ofGuest !== undefined) return ofGuest;
  if (isOneOfSeveral) return 'only one of its disks is converted';
  if (format === 'vmdk') return 'a streamOptimized VMDK is written once and cannot be changed';
  return undefined;
}

/**
 * Changes the guest in the converted images in place, before they get their final names; undefined with `--fix off`.
 */
export function fixConverted(
  { disks, addresses, uuids, beforeChange, ...rest }: ConvertedMachine,
  requested: FixOptions,
  context: OperationContext<FixEvent>,
): Promise<FixReport | undefined> {
  const images = disks.map(({ path, format }, index) => ({
    path: partialPath(path),
    format,
    address: addresses[index],
    uuid: uuids[index],
  }));
  return fixImages({ ...rest, images, beforeChange: () => Promise.resolve(beforeChange()) }, requested, context);
}

/** The images with their current sizes, which the fix may have changed. */
export async function withSizes(
  disks: readonly ConvertedDisk[],
  guest: FixReport | undefined,
): Promise<ConvertedDisk[]> {
  if (guest?.outcome !== 'fixed' || guest.changes.length === 0) return [...disks];
  return await Promise.all(
    disks.map(async (disk) => ({ ...disk, sizeBytes: (await stat(partialPath(disk.path))).size })),
  );
}
