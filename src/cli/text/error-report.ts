import { Hyper2kvmError, InterruptedError, sentenceOf, type ErrorKind } from '../../base/errors.ts';
import { exitCodeOf } from '../../base/exit-codes.ts';
import { redactUrls } from './redact.ts';
import { safeLines } from './safe-text.ts';

/** An error in displayed form: the `error` of a JSON document, or a message and a hint on standard error. */
export interface ErrorReport {
  kind: ErrorKind | 'interrupted';
  exitCode: number;
  message: string;
  hint?: string;
  /** Machine-readable details of the failure. */
  details?: object;
}

/** The single JSON document that `--json` prints to standard output, for success and failure. */
export interface JsonDocument<Result> {
  /** Version of docs/schemas. Incremented when a field is removed or changes its meaning. */
  schemaVersion: 1;
  /** True exactly when `exitCode` is 0. */
  ok: boolean;
  exitCode: number;
  /** What the command found or did. It is also present with an `error` when the command ran to its end (a partial export). */
  result?: Result;
  error?: ErrorReport;
  warnings: string[];
}

/** Describes any thrown value. `clean` removes secrets from the texts. */
export function describeError(error: unknown, clean: (text: string) => string = redactUrls): ErrorReport {
  const hint = hintOf(error);
  return {
    kind: kindOf(error),
    exitCode: exitCodeOf(error),
    message: clean(sentenceOf(error)),
    ...(hint === undefined ? {} : { hint: clean(hint) }),
    ...(error instanceof Hyper2kvmError && error.details !== undefined ? { details: error.details } : {}),
  };
}

/** Describes the end of a command after a signal: the signal determines the exit code, and an error during clean-up is added. */
export function describeInterruption(
  reason: unknown,
  error: unknown,
  clean: (text: string) => string = redactUrls,
): ErrorReport {
  const report = describeError(reason, clean);
  if (!(error instanceof Hyper2kvmError)) return report;
  return { ...report, hint: clean([error.message, error.hint].filter(Boolean).join(' ')) };
}

/** The lines for standard error: `Error: …`, and the hint below it. */
export function errorLines({ kind, message, hint }: ErrorReport): string {
  const sentence = kind === 'interrupted' ? message : `Error: ${message}`;
  return safeLines(hint === undefined ? sentence : `${sentence}\n${indent(hint)}`);
}

const MOST_CAUSES = 20;

/**
 * The stack with all causes, for `HYPER2KVM_DEBUG=1`. Of the other properties of errors, only the system error code is
 * included: the errors of an HTTP client contain the whole request, with the session cookie and the body of a login.
 */
export function errorStack(error: unknown, clean: (text: string) => string): string {
  const stacks: string[] = [];
  const waiting: unknown[] = [error];
  while (waiting.length > 0 && stacks.length < MOST_CAUSES) {
    const next = waiting.shift();
    const code = next instanceof Error && 'code' in next && typeof next.code === 'string' ? ` (${next.code})` : '';
    const stack = next instanceof Error ? `${next.stack ?? String(next)}${code}` : String(next);
    stacks.push(stacks.length === 0 ? stack : `Caused by: ${stack}`);
    if (next instanceof AggregateError) waiting.push(...next.errors);
    if (next instanceof Error && next.cause !== undefined) waiting.push(next.cause);
  }
  return safeLines(clean(stacks.join('\n')));
}

function kindOf(error: unknown): ErrorReport['kind'] {
  if (error instanceof InterruptedError) return 'interrupted';
  return error instanceof Hyper2kvmError ? error.kind : 'internal';
}

function hintOf(error: unknown): string | undefined {
  if (error instanceof Hyper2kvmError) return error.hint;
  if (error instanceof InterruptedError) return undefined;
  return 'This is a bug in hyper2kvm. Run it again with HYPER2KVM_DEBUG=1, and report the output.';
}

function indent(text: string): string {
  return text.replace(/^/gm, '  ');
}
