import { writeSync } from 'node:fs';
import { EXIT_CODES } from '../base/exit-codes.ts';
import { errnoOf } from '../base/files/local-file-error.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on the device',
  EPIPE: 'the reader has closed the pipe',
  EIO: 'an input/output error',
};

/**
 * Ends a command whose standard output cannot be written. Its message is printed once, at the end of the process,
 * however many writes have failed.
 */
export class LostOutputError extends Error {}

let lost: { error: unknown } | undefined;

/**
 * When standard output cannot be written, reports it with one message and an exit code at the end of the process. The
 * command's other work, above all an export, continues to its end. A failure of standard error is ignored: there is
 * nowhere to report it. Replaces existing listeners, because the one that oclif's module installs throws.
 */
export function watchStandardOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners('error');
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (error) => (lost ??= { error }));
  process.off('exit', reportLost).on('exit', reportLost);
}

function reportLost(): void {
  if (lost === undefined) return;
  process.exitCode ||= EXIT_CODES['local-file'].code;
  const code = errnoOf(lost.error) ?? String(lost.error);
  sayAtOnce(`Error: standard output could not be written: ${REASONS[code] ?? code}.`);
}

/** Throws {@link LostOutputError} when an earlier write has failed. For commands that print until they are stopped. */
export function requireStandardOutput(): void {
  if (lost !== undefined) throw new LostOutputError('Standard output cannot be written.');
}

/** Writes a line to standard error synchronously, for a process that is exiting; ignores write errors. */
export function sayAtOnce(line: string): void {
  try {
    writeSync(process.stderr.fd, `${line}\n`);
  } catch {
    // Nobody is left to report it to.
  }
}
