import { stat } from 'node:fs/promises';
import { Hyper2kvmError } from '../../base/errors.ts';
import type { Fitness } from '../../domain/hardware-choice.ts';
import type { GuestNic } from '../../guest/guest.ts';
import { hasBootSignature } from '../../image/copy/has-boot-signature.ts';
import { openImage } from '../../image/open-image.ts';
import { PARTIAL_SUFFIX } from '../../ovf/member-names.ts';
import { fixGuest, requireFixTools } from '../fix-guest/fix-guest.ts';
import type { FixEvent, FixReport, FixWishes } from '../fix-guest/types.ts';
import type { ConvertedDisk } from './types.ts';

export interface ConvertedMachine {
  /** All disks of the machine in its order; their images stand as `.partial`. */
  disks: readonly ConvertedDisk[];
  nics: readonly GuestNic[];
}

/** Throws before any work when `wishes` cannot be fulfilled: with `require`, or for a plan, what makes the fix impossible. */
export function requireFixable(wishes: FixWishes, format: string, isOneOfSeveral: boolean): void {
  if (wishes.fix !== 'require') return;
  const reason = obstacle(format, isOneOfSeveral);
  if (reason !== undefined) {
    throw new Hyper2kvmError('usage', `The guest cannot be changed: ${reason}.`, { hint: 'Leave --fix require out.' });
  }
  requireFixTools();
}

/** Changes the guest in the converted images, in place and before they are final; undefined with `--fix off`. */
export async function fixConverted(
  { disks, nics }: ConvertedMachine,
  wishes: FixWishes,
  isOneOfSeveral: boolean,
  report: (event: FixEvent) => void,
  signal: AbortSignal,
): Promise<FixReport | undefined> {
  const { fix } = wishes;
  if (fix === 'off') return undefined;
  const reason = obstacle(disks[0]?.format ?? '', isOneOfSeveral);
  if (reason !== undefined) return { outcome: 'not-fixed', reason: `${reason}.`, hint: undefined };
  if (fix === 'auto' && !(await mayHoldSystem(disks))) {
    return {
      outcome: 'not-fixed',
      reason: 'None of the disks has a boot sector or a partition table.',
      hint: undefined,
    };
  }
  const images = disks.map(({ path, format }) => ({ path: path + PARTIAL_SUFFIX, format }));
  return await fixGuest({ ...wishes, fix, disks: images, nics }, { signal, report });
}

/** Whether the guest starts on virtio now. */
export function fitnessOf(guest: FixReport | undefined): Fitness {
  if (guest === undefined || guest.outcome === 'not-fixed') return 'unknown';
  return guest.obstacles.length === 0 ? 'fit' : 'unfit';
}

/** Disks that nothing can start from are told without an appliance, which takes seconds. */
async function mayHoldSystem(disks: readonly ConvertedDisk[]): Promise<boolean> {
  for (const { path, format } of disks) {
    await using image = await openImage(path + PARTIAL_SUFFIX, { format: format === 'raw' ? 'raw' : 'qcow2' });
    if (await hasBootSignature(image)) return true;
  }
  return false;
}

/** The images with their sizes after the fix, which may have changed them. */
export async function withSizes(
  disks: readonly ConvertedDisk[],
  guest: FixReport | undefined,
): Promise<ConvertedDisk[]> {
  if (guest?.outcome !== 'fixed' || guest.changes.length === 0) return [...disks];
  return await Promise.all(
    disks.map(async (disk) => ({ ...disk, sizeBytes: (await stat(disk.path + PARTIAL_SUFFIX)).size })),
  );
}

function obstacle(format: string, isOneOfSeveral: boolean): string | undefined {
  if (isOneOfSeveral) return 'only one of its disks is converted';
  if (format === 'vmdk') return 'a streamOptimized VMDK is written once and cannot be changed';
  return undefined;
}
