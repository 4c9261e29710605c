import { writeSync } from 'node:fs';
import { EXIT_CODES } from '../base/exit-codes.ts';
import { errnoOf } from '../base/files/local-file-error.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on the device',
  EPIPE: 'the reader has closed the pipe',
  EIO: 'an input/output error',
};

/** Ends a command whose standard output cannot be written. Its sentence comes when the process ends, once, however many writes have failed. */
export class LostOutputError extends Error {}

let lost: { error: unknown } | undefined;

/**
 * Makes a standard output that cannot be written one sentence and an exit code, when the process ends: what the command does besides, an export above all, goes on to its end. A
 * standard error that cannot be written changes nothing: there is nobody to tell. Takes the place of other listeners: oclif's, which comes with its module, throws.
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

/** Throws {@link LostOutputError} when an earlier write has failed, for commands that print until they are ended. */
export function requireStandardOutput(): void {
  if (lost !== undefined) throw new LostOutputError('Standard output cannot be written.');
}

/** A line on standard error from a process that ends; nothing where that cannot be written either. */
export function sayAtOnce(line: string): void {
  try {
    writeSync(process.stderr.fd, `${line}\n`);
  } catch {
    // There is nobody to tell.
  }
}
