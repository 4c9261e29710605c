import type { HardwareOption } from '../../domain/hardware-choice.ts';
import type { NetworkOptions } from '../../domain/networks.ts';

export { HARDWARE_OPTIONS } from '../../domain/hardware-choice.ts';
export type { NetworkOptions } from '../../domain/networks.ts';

/** The libvirt domain, or the manifest for KubeVirt, that is written beside images. */
export interface DomainOptions {
  /** The devices of the domain. */
  hardware: HardwareOption;
  /** The libvirt networks of the NICs; undefined is libvirt's default network. */
  networks?: NetworkOptions | undefined;
  /** The URI of the libvirt that the domain is defined in; undefined defines none. */
  define?: string | undefined;
  /** Write a manifest for KubeVirt instead of a libvirt domain. */
  kubevirt?: boolean | undefined;
}
