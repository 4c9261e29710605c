import { Hyper2kvmError } from '../base/errors.ts';

/** The packages that contain guestfish, by distribution. */
const PACKAGES =
  'Install guestfish: the package libguestfs-tools (Debian, Ubuntu, openSUSE) or guestfs-tools (Fedora, RHEL).';
const MOST_SHOWN = 600;

/** Thrown if no guest can be changed on this host. */
export class MissingGuestfishError extends Hyper2kvmError {
  constructor(cause?: unknown) {
    super('host', 'guestfish of libguestfs is not installed on this host.', { hint: PACKAGES, cause });
  }
}

/**
 * A libguestfs appliance failed to start. The message is an unfinished clause that the caller completes with the next
 * attempt. `failure` is the error to throw if there is none.
 */
export class ApplianceStartError extends Error {
  readonly failure: Hyper2kvmError;

  constructor(clause: string, failure: Hyper2kvmError) {
    super(clause, { cause: failure });
    this.failure = failure;
  }
}

/** `said` is the output of guestfish. */
export function applianceFailed(said: string): ApplianceStartError {
  const reason = said.split('\n')[0] ?? '';
  const failure = new Hyper2kvmError('host', `The appliance of libguestfs does not start: ${reason}`, {
    hint: 'Run libguestfs-test-tool, which reports what is missing on this host.',
    cause: new Error(said),
  });
  return new ApplianceStartError('The appliance of libguestfs did not start', failure);
}

export function applianceTooLong(limitMs: number): ApplianceStartError {
  const clause = `The appliance of libguestfs did not start within ${Math.round(limitMs / 1000)} seconds`;
  const hint = 'Run libguestfs-test-tool. Where LIBGUESTFS_BACKEND_SETTINGS asks for KVM, try force_tcg.';
  return new ApplianceStartError(clause, new Hyper2kvmError('host', `${clause}.`, { hint }));
}

/** A guestfish command failed: `said` is its standard error. */
export function stageFailed(stage: string, said: string): Hyper2kvmError {
  const sentence = `Changing the guest failed in guestfish ${stage}: ${shorten(said)}`;
  return new Hyper2kvmError('guest', sentence, {
    hint: 'The source is unchanged. --fix off converts without changing the guest.',
    cause: new Error(said),
  });
}

export function stageTooLong(stage: string, limitMs: number, said: string): Hyper2kvmError {
  const seconds = Math.round(limitMs / 1000);
  const tail = said === '' ? '' : ` Output: ${shorten(said)}`;
  return new Hyper2kvmError('guest', `guestfish ${stage} did not finish within ${seconds} seconds.${tail}`, {
    hint: 'Without KVM on this host the appliance is emulated, which is slow; if KVM fails, set LIBGUESTFS_BACKEND_SETTINGS=force_tcg. --fix off converts without changing the guest.',
  });
}

/** guestfish prefixes each message with its input line and its name. The last lines are the most informative. */
function shorten(said: string): string {
  const plain = said
    .split('\n')
    .map((line) => line.replace(/^\*stdin\*:\d+: (libguestfs: error: )?/, '').trim())
    .filter((line) => line !== '')
    .join('; ');
  return plain.length <= MOST_SHOWN ? plain : `… ${plain.slice(-MOST_SHOWN)}`;
}
