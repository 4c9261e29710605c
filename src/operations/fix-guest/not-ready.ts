import { Hyper2kvmError } from '../../base/errors.ts';
import { blockingChecks, checkLine, type BootReport } from '../../guest/contract/boot-check.ts';

/** The limit of reasons in the message; the JSON document has all checks. */
const MOST_REASONS = 12;

/** Thrown with `--fix require` if the guest would not start on its new hardware, or if that is not known. */
export class GuestNotReadyError extends Hyper2kvmError {
  /** `obstacles` are sentences about what the fix could not change; `when` is what ran last. */
  constructor(
    system: string,
    boot: BootReport,
    { obstacles = [], when = 'fix' }: { obstacles?: readonly string[]; when?: 'fix' | 'customization' } = {},
  ) {
    const what = boot.verdict === 'not-ready' ? 'would not start correctly' : 'could not be checked completely';
    super('guest', [`After the ${when} ${system} ${what}:`, ...reasonsOf(boot), ...obstacles].join('\n'), {
      hint: 'Show all checks with --fix-plan. --fix auto converts anyway, with the hardware of the source where QEMU supports it.',
      details: { boot },
    });
  }
}

function reasonsOf(boot: BootReport): string[] {
  const blocking = blockingChecks(boot);
  if (blocking.length === 0) return ['no boot loader or boot entry was found.'];
  const more = blocking.length - MOST_REASONS;
  const shown = blocking.slice(0, MOST_REASONS).map(checkLine);
  return more > 0 ? [...shown, `and ${more} more.`] : shown;
}
