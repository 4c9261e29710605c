/**
 * The configuration of a VM, as described by an OVF descriptor, a `.vmx` or a server. Domains are created from it. It
 * is in a lower layer than its readers and consumers, which do not import each other.
 */
export interface VmConfig {
  /** As in the source: any text. */
  name: string;
  /**
   * The instance UUID, or another value that does not change during the life of the VM. Undefined if the source has
   * none.
   */
  identity?: string | undefined;
  /** Another VM of the source has the same name. */
  sharesName?: boolean | undefined;
  /** The BIOS UUID: lower case, with dashes. */
  uuid: string | undefined;
  /** VMware's ID of the guest operating system (`debian12_64Guest`), or VirtualBox's (`Debian_64`). */
  guestId: string | undefined;
  /** Undefined if the source does not specify it. */
  memoryBytes: number | undefined;
  vcpus: number;
  /** A divisor of `vcpus`. */
  coresPerSocket: number | undefined;
  firmware: 'bios' | 'uefi';
  secureBoot: boolean;
  /** The VM has a virtual TPM, whose content is not in any package. */
  tpm: boolean;
  /** VMware's `rtc.diffFromUTC`: by how much the guest's hardware clock is ahead of UTC. Undefined if it is not configured. */
  clockOffsetSeconds?: number | undefined;
  /** In the order in which the guest sees them. */
  disks: readonly VmDisk[];
  /**
   * From a `.vmx` or an OVF, in the order of the source. For a domain, in the order of their PCI addresses, in which
   * the guest's kernel detects them.
   */
  nics: VmNic[];
  /** Number of CD-ROM drives. */
  cdRoms: number;
}

export interface VmDisk {
  /** Undefined if the source does not specify it, or if the type of the controller is unknown. */
  controller: VmController | undefined;
  /** Unit number on the controller. */
  unitNumber?: number | undefined;
  /** Position in the boot order, starting at 1. Undefined if the source does not list the disk as a boot device. */
  bootOrder: number | undefined;
  /** The disk's serial number that the guest saw: VMware's UUID of the disk, as 32 hexadecimal digits. */
  serial?: string | undefined;
}

export interface VmController {
  kind: ControllerKind;
  /** Its number, which is unique among the controllers of the same bus. */
  address: number;
  /** VMware's PCI slot number of the controller. The guest's disk names by path depend on it. */
  pciSlotNumber?: number | undefined;
}

/** `scsi` is a SCSI controller of an unknown type; `virtio` and `virtio-scsi` come from oVirt and VirtualBox. */
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
  /**
   * Lower case, with colons. Undefined if the source has no MAC address, or an invalid one. A new one is then
   * generated.
   */
  mac: string | undefined;
  /** Lower case, as in the source: `vmxnet3`, `e1000`, `pcnet32`. '' if the source does not specify it. */
  model: string;
  /** The name of the network in the source. */
  network: string | undefined;
  /** VMware's PCI slot number of the NIC. A Linux guest derives the name `ens192` from it. */
  pciSlotNumber?: number | undefined;
}

/** Time zones are at most 14 hours ahead of UTC; a day leaves room for a clock that somebody moved. */
const MOST_CLOCK_OFFSET_SECONDS = 86_400;

/** Parses `rtc.diffFromUTC` of a `.vmx`, in seconds; undefined if it is missing or not an offset. */
export function clockOffsetIn(text: string | undefined): number | undefined {
  if (text === undefined || !/^\s*[+-]?\d{1,6}\s*$/.test(text)) return undefined;
  const seconds = Number(text);
  return Math.abs(seconds) <= MOST_CLOCK_OFFSET_SECONDS ? seconds : undefined;
}
