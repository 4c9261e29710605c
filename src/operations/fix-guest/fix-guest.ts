import type { Hyper2kvmError } from '../../base/errors.ts';
import { MissingGuestfishError } from '../../guest/guestfs-errors.ts';
import { hasGuestfish } from '../../base/process/find-program.ts';
import { NoSystemError } from '../../guest/no-system.ts';
import { findVirtV2v } from '../../guest/windows/find-virt-v2v.ts';
import { MissingVirtV2vError } from '../../guest/windows/virt-v2v-errors.ts';
import type { OperationContext } from '../operation-context.ts';
import type { FixEvent, FixGuestOptions, FixReport, FixOptions } from './types.ts';

/** For a VM with data only. */
const NOTHING_TO_FIX = 'The disks contain data and no operating system, so there is nothing to fix.';

/**
 * Runs before any work with `--fix require`.
 * @throws kind `host`, with what to install, if this host cannot fix guests.
 */
export function requireFixTools({ virtioWin }: Pick<FixOptions, 'virtioWin'>, env = process.env): void {
  if (!hasGuestfish(env)) throw new MissingGuestfishError();
  if (virtioWin !== undefined) findVirtV2v(env);
}

/**
 * Prepares the guest on the images for virtio, in place. With `auto`, the result is `not-fixed` for a host without
 * libguestfs, for disks without an operating system, and for Windows without the means to install its drivers.
 * @throws for every other failure; the images are then unusable.
 */
export async function fixGuest(options: FixGuestOptions, context: OperationContext<FixEvent>): Promise<FixReport> {
  const startedAt = Date.now();
  try {
    if (!hasGuestfish(options.env ?? process.env)) throw new MissingGuestfishError();
    // Most of the code that changes guests is loaded only when one is changed.
    const { changeGuest } = await import('./change-guest.ts');
    const report = await changeGuest(options, context);
    return { ...report, seconds: (Date.now() - startedAt) / 1000 };
  } catch (error) {
    context.signal.throwIfAborted();
    // A guest that cannot be customized as requested is a failure.
    if (options.customization !== undefined) throw error;
    if (options.noSystem === true && error instanceof NoSystemError && error.isDataOnly) {
      return { outcome: 'not-fixed', reason: NOTHING_TO_FIX };
    }
    if (options.fix !== 'auto' || !isNothingToFix(error)) throw error;
    return { outcome: 'not-fixed', reason: error.message, hint: error.hint };
  }
}

/**
 * A tool that this host lacks is not a fault of the guest. Neither is a disk without an operating system, or Windows
 * without given drivers.
 */
function isNothingToFix(error: unknown): error is Hyper2kvmError {
  const kinds = [NoSystemError, MissingGuestfishError, MissingVirtV2vError];
  return kinds.some((kind) => error instanceof kind);
}
