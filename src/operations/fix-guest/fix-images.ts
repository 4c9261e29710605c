import { Hyper2kvmError } from '../../base/errors.ts';
import type { GuestNet } from '../../base/guest-net.ts';
import { guestAge } from '../../domain/guest-age.ts';
import type { VirtioSupport } from '../../domain/hardware-choice.ts';
import type { TargetHardware } from '../../guest/contract/boot-check.ts';
import type { GuestDisk, GuestNic } from '../../guest/guest.ts';
import type { ConfiguredNic } from '../../guest/change.ts';
import { requireVirtioWin } from '../../guest/windows/virtio-win.ts';
import { hasBootSector } from '../../image/content/boot-sector.ts';
import { openImage } from '../../image/open-image.ts';
import type { OperationContext } from '../operation-context.ts';
import { fixGuest, requireFixTools } from './fix-guest.ts';
import type { FixEvent, FixReport, FixOptions } from './types.ts';

/** The images of one VM before they get their final names. */
export interface UnfinishedMachine {
  /** All disks in VM order, as files that may be changed: qcow2 or raw, unless there is an obstacle. */
  images: readonly GuestDisk[];
  nics: readonly GuestNic[];
  hardware: TargetHardware;
  /** See {@link FixGuestOptions.guestNet}. */
  guestNet?: GuestNet | undefined;
  /** See {@link FixGuestOptions.beforeChange}. */
  beforeChange?: (() => Promise<void>) | undefined;
  /** Why its guest cannot be changed at all, as a clause; undefined if it can. */
  obstacle?: string | undefined;
  /** Used to locate guestfish; defaults to the environment of the process. */
  env?: NodeJS.ProcessEnv | undefined;
}

/**
 * Runs before any work.
 * @throws if `requested` is impossible: an invalid virtio-win path, or, with `require` or for a plan, whatever
 * prevents the fix.
 */
export function requireFixable(
  requested: FixOptions,
  { obstacle, env }: Pick<UnfinishedMachine, 'obstacle' | 'env'>,
): void {
  const { fix, virtioWin, customize } = requested;
  if (virtioWin !== undefined) requireVirtioWin(virtioWin);
  if (fix !== 'require' && customize === undefined) return;
  if (obstacle !== undefined) {
    throw new Hyper2kvmError('usage', `The guest cannot be changed: ${obstacle}.`, {
      hint: customize === undefined ? 'Omit --fix require.' : 'Omit --customize, --firstboot and --guest-agent.',
    });
  }
  requireFixTools(requested, env);
}

/**
 * A sentence about why the fix is expected to fail, known before hours of work and correct unless the source is wrong
 * about its guest.
 */
export function doubtAboutFix({ fix, virtioWin }: FixOptions, guestId: string | undefined): string | undefined {
  if (fix !== 'require' || virtioWin !== undefined || !guestAge(guestId).isWindows) return undefined;
  return `The source calls its guest Windows (${guestId}), whose fix fails without --virtio-win.`;
}

/** Changes the guest in place, before its images get their final names; undefined with `--fix off`. */
export async function fixImages(
  { images, nics, hardware, guestNet, beforeChange, obstacle, env }: UnfinishedMachine,
  requested: FixOptions,
  context: OperationContext<FixEvent>,
): Promise<FixReport | undefined> {
  const { fix, customize, customization } = requested;
  if (fix === 'off') return undefined;
  if (customize !== undefined && customization === undefined) {
    throw new Hyper2kvmError('internal', 'The customization of the guest was not read before its disks.');
  }
  if (obstacle !== undefined) return { outcome: 'not-fixed', reason: `${obstacle}.`, hint: undefined };
  const mayLackSystem = (fix === 'auto' || requested.noSystem === true) && customize === undefined;
  if (mayLackSystem && !(await mayHoldSystem(images))) {
    const reason = 'None of the disks has a boot sector or a partition table';
    const words = requested.noSystem === true ? `${reason}, so there is nothing to fix.` : `${reason}.`;
    return { outcome: 'not-fixed', reason: words, hint: undefined };
  }
  return await fixGuest({ ...requested, fix, disks: images, nics, hardware, guestNet, beforeChange, env }, context);
}

/** Whether the guest can start on the hardware that it was checked for. */
export function virtioSupportOf(guest: FixReport | undefined): VirtioSupport {
  if (guest === undefined || guest.outcome === 'not-fixed') return 'unknown';
  const { verdict } = guest.boot;
  return verdict === 'ready' ? 'supported' : verdict === 'not-ready' ? 'unsupported' : 'unknown';
}

/** The static addresses of a guest whose configuration was read. */
export function configuredNicsOf(guest: FixReport | undefined): readonly ConfiguredNic[] | undefined {
  return guest === undefined || guest.outcome === 'not-fixed' ? undefined : guest.configuredNics;
}

/** Detects disks that cannot boot, without starting an appliance, which would take seconds. */
async function mayHoldSystem(images: readonly GuestDisk[]): Promise<boolean> {
  for (const { path, format } of images) {
    await using image = await openImage(path, { format: format === 'raw' ? 'raw' : 'qcow2' });
    if (await hasBootSector(image)) return true;
  }
  return false;
}
