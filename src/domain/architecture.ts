import { Hyper2kvmError } from '../base/errors.ts';

/** The processors that domains are made for, as libvirt names them. */
export type Architecture = 'x86_64' | 'aarch64';

/** What a source says about the processor of a guest, in any of the ways that there are. */
export interface ArchitectureSigns {
  /** `arm-ubuntu-64`, `armUbuntu64Guest`, `Debian12_arm64`, `rhel_8_ppc64le`. */
  guestId?: string | undefined;
  /** The guest's system in words. */
  guestText?: string | undefined;
  /** VirtualBox's own word for the machine: `x86`, `ARM`. */
  platform?: string | undefined;
}

const OTHERS = /(?<![a-z])(ppc64le|ppc64|s390x|riscv64|loongarch64|ia64)(?![a-z])/i;
const ARM_ID = /^arm(?=[-_\d]|[a-z])|(?<![a-z])(?:arm64|aarch64)(?![a-z])/i;
const ARM_WORDS = /\b(?:arm|arm64|aarch64)\b/i;

/**
 * The architecture of a guest as libvirt names it, which can be one that no domain is made for: see {@link requireArchitecture}. VMware's ids for ARM begin with `arm` (Fusion, ESXi on ARM), VirtualBox's end with
 * `_arm64`, oVirt's with the name of the architecture. Silence means x86-64.
 */
export function architectureOf({ guestId = '', guestText = '', platform = '' }: ArchitectureSigns): string {
  const other = OTHERS.exec(guestId) ?? OTHERS.exec(guestText);
  if (other?.[1] !== undefined) return other[1].toLowerCase();
  const isArm = ARM_ID.test(guestId) || ARM_WORDS.test(guestText) || /^arm/i.test(platform);
  return isArm ? 'aarch64' : 'x86_64';
}

/** Throws kind `image` for a guest that no domain is made for: on an x86 machine it would never start. */
export function requireArchitecture(architecture: string, vm: string): Architecture {
  if (architecture === 'x86_64' || architecture === 'aarch64') return architecture;
  throw new Hyper2kvmError(
    'image',
    `${vm} runs on ${architecture}, but domains are supported for x86-64 and ARM only.`,
    {
      hint: 'Convert its disks one by one, and write the domain manually.',
    },
  );
}
