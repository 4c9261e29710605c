import { Hyper2kvmError, InterruptedError, SIGNAL_EXIT_CODES, type ErrorKind } from './errors.ts';

/** The only mapping from kinds of failures to exit codes. docs/exit-codes.md is generated from it. */
export const EXIT_CODES: Record<ErrorKind, { code: number; meaning: string }> = {
  internal: { code: 1, meaning: 'internal error: a bug in hyper2kvm' },
  usage: { code: 2, meaning: 'usage: a flag, an argument or a setting is wrong' },
  partial: {
    code: 3,
    meaning:
      'partial: some VMs were exported and some were not, a snapshot remains on the server, or a cutover failed and was not rolled back',
  },
  authentication: { code: 10, meaning: 'authentication: login refused, or a privilege is missing' },
  'not-found': { code: 11, meaning: 'not found, or the name is ambiguous' },
  transfer: { code: 12, meaning: 'transfer, lease or server failure' },
  image: { code: 13, meaning: 'corrupt or unsupported image, or a VM that cannot be exported' },
  'local-file': { code: 14, meaning: 'local files: space, permissions, or a file that already exists' },
  'tls-trust': { code: 15, meaning: 'TLS trust: the certificate was rejected' },
  guest: {
    code: 16,
    meaning: 'guest: it could not be fixed, is not ready to start, or did not come up in the boot test',
  },
  host: { code: 17, meaning: 'host: a required program, firmware or permission is missing' },
  busy: { code: 18, meaning: 'busy: another run is writing the same VM or file there' },
};

/** Returns the exit code for any thrown value. Errors of other classes are internal. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof InterruptedError) return SIGNAL_EXIT_CODES[error.signalName];
  return EXIT_CODES[error instanceof Hyper2kvmError ? error.kind : 'internal'].code;
}

/**
 * Returns the exit code for a kind of failure. An interruption has the exit code of SIGTERM, whichever signal it was.
 */
export function codeOfKind(kind: ErrorKind | 'interrupted'): number {
  return kind === 'interrupted' ? SIGNAL_EXIT_CODES.SIGTERM : EXIT_CODES[kind].code;
}

/**
 * Returns the kind of failure for an exit code. Undefined for 0, for exit codes of signals, and for unknown exit codes.
 */
export function kindOfCode(exitCode: number): ErrorKind | undefined {
  return Object.keys(EXIT_CODES)
    .filter(isKind)
    .find((kind) => EXIT_CODES[kind].code === exitCode);
}

function isKind(name: string): name is ErrorKind {
  return name in EXIT_CODES;
}
