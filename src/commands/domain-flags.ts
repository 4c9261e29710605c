import { Flags } from '@oclif/core';
import { Hyper2kvmError } from '../base/errors.ts';
import { readChoice } from '../cli/input/option-values.ts';
import type { HardwareWish } from '../domain/hardware-choice.ts';

const HARDWARE = ['auto', 'virtio', 'source', 'sata'] as const satisfies readonly HardwareWish[];

/** The flags about the domain, which `export` and `convert` share. */
export const DOMAIN_FLAGS = {
  hardware: Flags.string({
    options: HARDWARE,
    description:
      'What the VM runs on: virtio; source is the controllers and cards that it had on VMware, as QEMU emulates them; sata is AHCI and e1000e, which most systems drive as they are. Default: auto, which decides by the guest and by the QEMU of this host, and says why.',
  }),
};

/** The values of {@link DOMAIN_FLAGS}, as oclif gives them. */
export interface DomainFlagValues {
  hardware?: string | undefined;
}

/** Reads the flags about the domain. */
export function readDomainOptions(flags: DomainFlagValues): { hardware: HardwareWish } {
  return { hardware: readChoice('--hardware', flags.hardware ?? 'auto', HARDWARE) };
}

/** Throws a usage error for a flag about the domain where `format` comes with none. */
export function needDomain(flags: DomainFlagValues, format: string): void {
  if (flags.hardware === undefined) return;
  throw new Hyper2kvmError('usage', `--hardware needs a domain, and --format ${format} writes none.`, {
    hint: 'Add --format qcow2 or --format raw.',
  });
}
