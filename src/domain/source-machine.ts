import type { Architecture } from './architecture.ts';
import type { NamedVm } from './vm-name.ts';

/** A machine as its source describes it: what a domain is made from, whether that was an OVF, a `.vmx` or a server. */
export interface SourceMachine extends NamedVm {
  architecture: Architecture;
  uuid: string | undefined;
  /** VMware's id of the guest's system (`debian12_64Guest`), or VirtualBox's (`Debian_64`). */
  guestId: string | undefined;
  /** Undefined where the source does not tell. */
  memoryBytes: number | undefined;
  vcpus: number;
  /** A divisor of `vcpus`. */
  coresPerSocket: number | undefined;
  firmware: 'bios' | 'uefi';
  secureBoot: boolean;
  tpm: boolean;
  /** In the order in which the guest sees them. */
  disks: SourceMachineDisk[];
  /** In the order of their PCI addresses, in which the guest's kernel finds them. */
  nics: SourceNic[];
  /** How many CD-ROM drives it has. */
  cdRoms: number;
}

export interface SourceMachineDisk {
  /** Undefined when the source does not tell what holds the disk. */
  controller: SourceController | undefined;
  /** From 1; undefined when the source does not say that the machine boots from it. */
  bootOrder: number | undefined;
  /** What the guest saw as the disk's serial: VMware's UUID of it, in 32 hexadecimal digits. */
  serial?: string | undefined;
}

export interface SourceController {
  kind: ControllerKind;
  /** Its number among those of its bus. */
  address: number;
}

/** `scsi` is a SCSI controller of a kind that is not told; `virtio` and `virtio-scsi` come from oVirt and VirtualBox. */
export type ControllerKind =
  | 'ide'
  | 'scsi'
  | 'buslogic'
  | 'lsilogic'
  | 'lsilogicsas'
  | 'pvscsi'
  | 'virtio-scsi'
  | 'virtio'
  | 'sata'
  | 'nvme'
  | 'usb';

export interface SourceNic {
  mac: string | undefined;
  /** Lower case, as the source names it: `vmxnet3`, `e1000`, `pcnet32`; '' when it does not. */
  model: string;
  /** The name of the network in the source. */
  network: string | undefined;
  /** VMware's number of the card's PCI slot, where the source tells it. */
  pciSlotNumber?: number | undefined;
}
