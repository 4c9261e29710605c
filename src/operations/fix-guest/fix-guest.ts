import type { Hyper2kvmError } from '../../base/errors.ts';
import { MissingGuestfishError } from '../../guest/guestfs-errors.ts';
import { hasGuestfish } from '../../guest/has-guestfish.ts';
import { NoSystemError } from '../../guest/inspect/no-system.ts';
import type { OperationContext } from '../operation-context.ts';
import type { FixEvent, FixGuestOptions, FixReport } from './types.ts';

/** Throws kind `host` with what to install when a guest cannot be fixed on this host: before any work, with `--fix require`. */
export function requireFixTools(env: NodeJS.ProcessEnv = process.env): void {
  if (!hasGuestfish(env)) throw new MissingGuestfishError();
}

/**
 * Makes the system on images fit for virtio, in place. With `auto` a host without libguestfs, and disks without a system, give the report `not-fixed`. What
 * fails otherwise is thrown, and the images are then of no use.
 */
export async function fixGuest(options: FixGuestOptions, context: OperationContext<FixEvent>): Promise<FixReport> {
  const startedAt = Date.now();
  try {
    requireFixTools(options.env);
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

/** A host without libguestfs is no fault of the guest; nor is a disk that holds no system. */
function isNothingToFix(error: unknown): error is Hyper2kvmError {
  return error instanceof NoSystemError || error instanceof MissingGuestfishError;
}
