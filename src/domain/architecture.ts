import { Hyper2kvmError } from '../base/errors.ts';

/** The processor architectures that domains support, in libvirt's spelling. */
export type Architecture = 'x86_64' | 'aarch64';

/** Everything that a source may record about the guest's processor architecture. */
export interface ArchitectureSigns {
  /** `arm-ubuntu-64`, `armUbuntu64Guest`, `Debian12_arm64`, `rhel_8_ppc64le`. */
  guestId?: string | undefined;
  /** The guest's operating system as free text. */
  guestText?: string | undefined;
  /** VirtualBox's platform architecture: `x86`, `ARM`. */
  platform?: string | undefined;
}

const OTHERS = /(?<![a-z])(ppc64le|ppc64|s390x|riscv64|loongarch64|ia64)(?![a-z])/i;
const ARM_ID = /^arm(?=[-_\d]|[a-z])|(?<![a-z])(?:arm64|aarch64)(?![a-z])/i;
const ARM_WORDS = /\b(?:arm|arm64|aarch64)\b/i;

/**
 * The architecture of a guest in libvirt's spelling. Domains may not support it: see {@link requireArchitecture}.
 * VMware's ids for ARM begin with `arm` (Fusion, ESXi on ARM), VirtualBox's end with `_arm64`, and oVirt's end with
 * the architecture's name. Defaults to x86-64.
 */
export function architectureOf({ guestId = '', guestText = '', platform = '' }: ArchitectureSigns): string {
  const other = OTHERS.exec(guestId) ?? OTHERS.exec(guestText);
  if (other?.[1] !== undefined) return other[1].toLowerCase();
  const isArm = ARM_ID.test(guestId) || ARM_WORDS.test(guestText) || /^arm/i.test(platform);
  return isArm ? 'aarch64' : 'x86_64';
}

/** @throws kind `image` for an architecture that domains do not support: such a guest never starts on an x86 VM. */
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
