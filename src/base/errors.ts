/** The kinds of failures. Each kind has one exit code, see {@link EXIT_CODES}. */
export const ERROR_KINDS = [
  'internal',
  'usage',
  'partial',
  'authentication',
  'not-found',
  'transfer',
  'image',
  'local-file',
  'tls-trust',
  'guest',
  'host',
  'busy',
] as const;
export type ErrorKind = (typeof ERROR_KINDS)[number];

/** The properties of a failure in addition to its message. */
export interface ErrorFacts {
  /** What the user can do next, in one or two sentences. */
  hint?: string;
  /** True if repeating the same call can succeed. Set where the failure is first detected. */
  retryable?: boolean;
  /** Machine-readable details of the failure: `details` of the error in a JSON document. Plain data without secrets. */
  details?: object;
  cause?: unknown;
}

/**
 * The only error class of this program. It has a kind (and therefore an exit code), one sentence that names the flag,
 * VM or file, a hint for the user, and whether a retry can help. Any other error that reaches the top level is an
 * internal error.
 */
export class Hyper2kvmError extends Error {
  readonly kind: ErrorKind;
  readonly hint: string | undefined;
  readonly retryable: boolean;
  readonly details: object | undefined;

  constructor(kind: ErrorKind, sentence: string, facts: ErrorFacts = {}) {
    super(sentence, 'cause' in facts ? { cause: facts.cause } : undefined);
    this.name = new.target.name;
    this.kind = kind;
    this.hint = facts.hint;
    this.retryable = facts.retryable ?? false;
    this.details = facts.details;
  }
}

/** The signals on which the program exits cleanly, with their exit codes: 128 + the signal number. */
export const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
export type EndingSignal = keyof typeof SIGNAL_EXIT_CODES;

/** The abort reason of the root `AbortSignal` when the user or the system terminates the program. Never retried. */
export class InterruptedError extends Error {
  readonly signalName: EndingSignal;

  constructor(signalName: EndingSignal) {
    super(`Interrupted by ${signalName}.`);
    this.name = 'InterruptedError';
    this.signalName = signalName;
  }
}

/** Returns true if `error` is marked as retryable. */
export function isRetryable(error: unknown): boolean {
  return error instanceof Hyper2kvmError && error.retryable;
}

/** Returns the message of any thrown value, for quoting in another message. */
export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
