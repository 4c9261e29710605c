import { Hyper2kvmError } from '../../base/errors.ts';

/** A mistake in the configuration file, with its place. The sentence never quotes a value: it may be a password. */
export function configError(file: string, line: number, sentence: string, hint?: string): Hyper2kvmError {
  return new Hyper2kvmError('usage', `${file}, line ${line}: ${sentence}`, hint === undefined ? {} : { hint });
}
