import { Hyper2kvmError } from '../base/errors.ts';

/** An operating system on the disks. */
export interface FoundSystem {
  /** The device or subvolume of its root, as `--root` selects it. */
  device: string;
  /** With the version, for people: `Debian GNU/Linux 12 (bookworm)`. */
  name: string;
}

/**
 * The disks contain no operating system that can be prepared: an empty or data disk, a locked disk, or an unsupported
 * system.
 */
export class NoSystemError extends Hyper2kvmError {
  /** Nothing on the disks looks like a system, and nothing is locked: there is nothing to prepare. */
  readonly isDataOnly: boolean;

  constructor(sentence: string, hint: string, { isDataOnly = false }: { isDataOnly?: boolean } = {}) {
    super('guest', sentence, { hint });
    this.isDataOnly = isDataOnly;
  }
}

/** The error for several systems. It lists them, with the option that selects each. */
export function severalRoots(systems: readonly FoundSystem[]): Hyper2kvmError {
  const choices = systems.map(({ device, name }) => `--root ${device} for ${name}`).join(', ');
  return new Hyper2kvmError('guest', `There are ${systems.length} systems on the disks: ${systemList(systems)}.`, {
    hint: `Choose one: ${choices}; or convert without changing the guest with --fix off.`,
  });
}

export function systemList(systems: readonly FoundSystem[]): string {
  return systems.map(({ device, name }) => `${name} (${device})`).join(', ');
}
