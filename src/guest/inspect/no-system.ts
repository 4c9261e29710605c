import { Hyper2kvmError } from '../../base/errors.ts';

/** There is no system on the disks that could be made fit: an empty or data disk, one that is locked, or a system of another kind. */
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
