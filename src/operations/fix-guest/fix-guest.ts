import type { Hyper2kvmError } from '../../base/errors.ts';
import { MissingGuestfishError } from '../../guest/guestfs-errors.ts';
import { hasGuestfish } from '../../guest/find-program.ts';
import { NoSystemError } from '../../guest/inspect/no-system.ts';
import { findVirtV2v } from '../../guest/windows/find-virt-v2v.ts';
import { MissingVirtV2vError } from '../../guest/windows/virt-v2v-errors.ts';
import type { OperationContext } from '../operation-context.ts';
import type { FixEvent, FixGuestOptions, FixReport, FixOptions } from './types.ts';

/** Throws kind `host` with what to install when a guest cannot be fixed on this host: before any work, with `--fix require`. */
export function requireFixTools({ virtioWin }: Pick<FixOptions, 'virtioWin'>, env = process.env): void {
  if (!hasGuestfish(env)) throw new MissingGuestfishError();
  if (virtioWin !== undefined) findVirtV2v(env);
}

/**
 * Makes the system on images fit for virtio, in place. With `auto` a host without libguestfs, disks without a system, and Windows without what its drivers
 * need give the report `not-fixed`. What fails otherwise is thrown, and the images are then of no use.
 */
export async function fixGuest(options: FixGuestOptions, context: OperationContext<FixEvent>): Promise<FixReport> {
  const startedAt = Date.now();
  try {
    if (!hasGuestfish(options.env ?? process.env)) throw new MissingGuestfishError();
    // Most of what changes guests is loaded where one is changed.
    const { changeGuest } = await import('./change-guest.ts');
    const report = await changeGuest(options, context);
    return { ...report, seconds: (Date.now() - startedAt) / 1000 };
  } catch (error) {
    context.signal.throwIfAborted();
    if (options.fix !== 'auto' || !isNothingToFix(error)) throw error;
    return { outcome: 'not-fixed', reason: error.message, hint: error.hint };
  }
}

/** What this host lacks is no fault of the guest; nor is a disk that holds no system, or Windows that nobody has given drivers for. */
function isNothingToFix(error: unknown): error is Hyper2kvmError {
  const kinds = [NoSystemError, MissingGuestfishError, MissingVirtV2vError];
  return kinds.some((kind) => error instanceof kind);
}
