import type { HardwareOption } from '../../domain/hardware-choice.ts';
import type { NetworkOptions } from '../../domain/networks.ts';

export { HARDWARE_OPTIONS } from '../../domain/hardware-choice.ts';
export type { NetworkMap, NetworkOptions, NicConnection } from '../../domain/networks.ts';

/** The libvirt domain or KubeVirt manifest that is written next to the images. */
export interface DomainOptions {
  /** The devices of the domain. */
  hardware: HardwareOption;
  /** The libvirt networks and bridges of the NICs; defaults to libvirt's default network. */
  networks?: NetworkOptions | undefined;
  /** The URI of the libvirt in which to define the domain; undefined defines none. */
  define?: string | undefined;
  /** Write a KubeVirt manifest instead of a libvirt domain. */
  kubevirt?: boolean | undefined;
}
