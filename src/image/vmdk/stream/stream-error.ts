import { Hyper2kvmError } from '../../../base/errors.ts';

/**
 * The received data is not a disk: it is empty, a web page, or only a few bytes. Some servers (vSAN) answer the second
 * device URL of a lease with an empty 200 response. Such a disk must be requested again in a separate lease. Kind
 * `transfer`, retryable.
 */
export class NotADiskError extends Hyper2kvmError {
  constructor(sentence: string) {
    super('transfer', sentence, {
      hint: 'The server sent something other than the disk (vSAN does so for the second disk of a lease). A separate lease for this disk can help.',
      retryable: true,
    });
  }
}

/** The stream `name` ended at `offsetBytes`, before the data that `missing` names. Kind `transfer`, retryable. */
export function truncatedStream(name: string, offsetBytes: number, missing: string): Hyper2kvmError {
  return new Hyper2kvmError('transfer', `${name} is truncated: it ends at byte ${offsetBytes}, ${missing}.`, {
    hint: 'The connection ended early. Download the disk again.',
    retryable: true,
  });
}

/**
 * The stream `name` violates the VMDK format at `offsetBytes`, as `what` describes. Kind `image`, retryable: the caller
 * limits the number of attempts.
 */
export function corruptStream(name: string, offsetBytes: number, what: string): Hyper2kvmError {
  return new Hyper2kvmError('image', `${name} is not a valid streamOptimized VMDK: ${what} (at byte ${offsetBytes}).`, {
    hint: 'The data may have been corrupted in transit: download the disk again. If the error persists, check the disk of the VM on the server.',
    retryable: true,
  });
}
