/**
 * The configuration of a VM, as an OVF descriptor, a `.vmx` or a server describes it and as domains are made from. It is below its readers and its consumers, which do not import each
 * other.
 */
export interface VmConfig {
  /** As the source has it: any text. */
  name: string;
  /** The instance UUID, or whatever else stays the same as long as the VM lives; undefined when the source has nothing of the kind. */
  identity?: string | undefined;
  /** Another VM of the source has the very same name. */
  sharesName?: boolean | undefined;
  /** The BIOS UUID: lower case, with dashes. */
  uuid: string | undefined;
  /** VMware's id of the guest's system (`debian12_64Guest`), or VirtualBox's (`Debian_64`). */
  guestId: string | undefined;
  /** Undefined if the source does not give it. */
  memoryBytes: number | undefined;
  vcpus: number;
  /** A divisor of `vcpus`. */
  coresPerSocket: number | undefined;
  firmware: 'bios' | 'uefi';
  secureBoot: boolean;
  /** It has a virtual TPM, whose content no package contains. */
  tpm: boolean;
  /** In the order in which the guest sees them. */
  disks: readonly VmDisk[];
  /** Of a `.vmx` or an OVF in the order of the source; for a domain in the order of their PCI addresses, in which the guest's kernel finds them. */
  nics: VmNic[];
  /** How many CD-ROM drives it has. */
  cdRoms: number;
}

export interface VmDisk {
  /** Undefined if the source does not give it, or the disk is on no controller that is known. */
  controller: VmController | undefined;
  /** Its place on the controller. */
  unitNumber?: number | undefined;
  /** From 1; undefined if the source does not say that the VM boots from it. */
  bootOrder: number | undefined;
  /** What the guest saw as the disk's serial: VMware's UUID of it, in 32 hexadecimal digits. */
  serial?: string | undefined;
}

export interface VmController {
  kind: ControllerKind;
  /** Its number among those of its bus; no other of the bus has the same. */
  address: number;
  /** VMware's number of its PCI slot, from which a guest has the names of its disks by path. */
  pciSlotNumber?: number | undefined;
}

/** `scsi` is a SCSI controller of an unknown kind; `virtio` and `virtio-scsi` come from oVirt and VirtualBox. */
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

export interface VmNic {
  /** Lower case, with colons. Undefined if the source has none, or one that no NIC can have: then a new one is made. */
  mac: string | undefined;
  /** Lower case, as the source names it: `vmxnet3`, `e1000`, `pcnet32`; '' if it does not. */
  model: string;
  /** The name of the network in the source. */
  network: string | undefined;
  /** VMware's number of the NIC's PCI slot, from which a Linux guest has the name `ens192`. */
  pciSlotNumber?: number | undefined;
}
