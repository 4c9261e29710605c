import { requireArchitecture } from '../../domain/architecture.ts';
import { Hyper2kvmError } from '../../base/errors.ts';
import type { HardwareOption } from '../../domain/hardware-choice.ts';

export interface ForeignRequest {
  vm: string;
  /** From `architectureOf`. */
  architecture: string;
  /** A domain or a manifest is written. */
  hasDomain: boolean;
  hardware: HardwareOption;
  /** The flag that asks for a boot test, if there is one. */
  bootTest: string | undefined;
}

/**
 * Rejects, before any work, options that a guest for another architecture than x86-64 cannot have: an x86 VM, x86
 * devices, or a boot test in an x86 QEMU.
 */
export function requireForGuest({ vm, architecture, hasDomain, hardware, bootTest }: ForeignRequest): void {
  if (architecture === 'x86_64') return;
  if (hasDomain) requireArchitecture(architecture, vm);
  if (bootTest !== undefined) {
    throw new Hyper2kvmError(
      'usage',
      `${bootTest} supports x86-64 guests only; the guest of ${vm} is for ${architecture}.`,
      {
        hint: `Omit ${bootTest}, and start the result on a host of that architecture.`,
      },
    );
  }
  if (hasDomain && (hardware === 'source' || hardware === 'sata')) {
    throw new Hyper2kvmError('usage', `--hardware ${hardware} is x86 hardware, but the guest of ${vm} is for ARM.`, {
      hint: 'Omit --hardware: domains for ARM have virtio devices.',
    });
  }
}

/** Why a guest for another architecture cannot be changed, as a clause; undefined for x86-64. */
export function obstacleOfGuest(architecture: string): string | undefined {
  if (architecture === 'x86_64') return undefined;
  return `the guest is for ${architecture}, but the fix runs x86-64 programs in it`;
}
