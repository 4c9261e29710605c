import type { CustomizeCommand } from '../../../guest/customize/command-file.ts';
import type { VirtCustomize } from '../../../guest/customize/find-virt-customize.ts';

/** The options of the user for a customization. `{vm}` in a path is the name of the VM. */
export interface CustomizeRequest {
  /** The path of a command file of virt-customize. */
  file: string | undefined;
  /** Scripts that run at the first boot. */
  firstboot: readonly string[];
  /** The appliance reaches the network. */
  network: boolean;
  /** Installs the QEMU guest agent where it is missing: from the folder `packages`, or at the first boot. */
  guestAgent: { packages: string | undefined } | undefined;
}

/** The customization of one VM, read and checked before any work. */
export interface Customization extends Omit<CustomizeRequest, 'file'> {
  program: VirtCustomize;
  file: { path: string; text: string; commands: readonly CustomizeCommand[] } | undefined;
  /** Texts that no message may contain. */
  secrets: readonly string[];
  /** For the fingerprint of a result, by flag: equal if what the flag names has the same content. */
  digests: Readonly<Record<'customize' | 'firstboot' | 'guest-agent', string>>;
}
