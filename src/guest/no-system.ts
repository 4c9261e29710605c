import { Hyper2kvmError } from '../base/errors.ts';

/**
 * The disks contain no operating system that can be prepared: an empty or data disk, a locked disk, or an unsupported
 * system.
 */
export class NoSystemError extends Hyper2kvmError {
  constructor(sentence: string, hint: string) {
    super('guest', sentence, { hint });
  }
}

export function severalRoots(roots: readonly string[]): Hyper2kvmError {
  return new Hyper2kvmError('guest', `There are ${roots.length} systems on the disks: ${roots.join(', ')}.`, {
    hint: `Choose one with --root, as --root ${roots[0] ?? ''}; or convert without changing the guest with --fix off.`,
  });
}
