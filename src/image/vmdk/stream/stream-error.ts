import { Hyper2kvmError } from '../../../base/errors.ts';

/**
 * What came is no disk at all: nothing, a web page, or a few bytes. Some servers (vSAN) answer the second device URL of a
 * lease with an empty 200; such a disk must be asked for again in a lease of its own. Kind `transfer`, retryable.
 */
export class NotADiskError extends Hyper2kvmError {
  constructor(sentence: string) {
    super('transfer', sentence, {
      hint: 'The server sent something other than the disk (vSAN does so for the second disk of a lease). A separate lease for this disk can help.',
      retryable: true,
    });
  }
}

/** The stream `name` ended at `offsetBytes`, before what `missing` names. Kind `transfer`, retryable. */
export function truncatedStream(name: string, offsetBytes: number, missing: string): Hyper2kvmError {
  return new Hyper2kvmError('transfer', `${name} is truncated: it ends at byte ${offsetBytes}, ${missing}.`, {
    hint: 'The connection ended early. Download the disk again.',
    retryable: true,
  });
}

/** `name` breaks the VMDK format at `offsetBytes`: `what` says how. Kind `image`, retryable: the caller bounds the tries. */
export function corruptStream(name: string, offsetBytes: number, what: string): Hyper2kvmError {
  return new Hyper2kvmError('image', `${name} is not a valid streamOptimized VMDK: ${what} (at byte ${offsetBytes}).`, {
    hint: 'The data may have been corrupted in transit: download the disk again. If the error persists, check the disk of the VM on the server.',
    retryable: true,
  });
}
