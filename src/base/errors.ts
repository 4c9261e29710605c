/**
 * What kind of failure an error is. Each kind has one exit code, see {@link EXIT_CODES}.
 */
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

/** The facts about a failure besides its sentence. */
export interface ErrorFacts {
  /** What the user can do next, as a sentence or two. */
  hint?: string;
  /** True when the same call may succeed if it is made again. Decided where the failure is first seen. */
  retryable?: boolean;
  /** More about the failure for programs: `details` of the error in a JSON document. Plain data without secrets. */
  details?: object;
  cause?: unknown;
}

/**
 * The one error family of this program: a kind (and so an exit code), one sentence that names the flag, VM or file,
 * what to do next, and whether a retry can help. Anything else that reaches the top is an internal error.
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

/** The signals that end the program in an orderly way, and the exit code that each gives: 128 + the signal's number. */
export const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
export type EndingSignal = keyof typeof SIGNAL_EXIT_CODES;

/** The reason of the root `AbortSignal` when the user or the system ends the program. Never retried. */
export class InterruptedError extends Error {
  readonly signalName: EndingSignal;

  constructor(signalName: EndingSignal) {
    super(`Interrupted by ${signalName}.`);
    this.name = 'InterruptedError';
    this.signalName = signalName;
  }
}

/** True when `error` says that a second try can help. */
export function isRetryable(error: unknown): boolean {
  return error instanceof Hyper2kvmError && error.retryable;
}

/** The sentence of any thrown thing, for a message that quotes it. */
export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
