import type { ControllerKind } from '../base/vm-config.ts';
import type { DiskBus, ScsiModel } from './domain-facts.ts';

/** How QEMU emulates a controller that a VM had on VMware. */
export interface EmulatedController {
  bus: DiskBus;
  /** For the bus `scsi`. */
  model?: ScsiModel;
  /** QEMU's device name (`-device help`). */
  device: string;
  /** The limit of disks on one controller in QEMU: its SCSI ids except its own. */
  mostDisks: number;
}

/** A controller or NIC that QEMU emulates with a different model, for which the guest needs another driver. */
export const NEAR_LSI_LOGIC =
  'QEMU has no 53C1030, the LSI Logic Parallel of VMware. The lsilogic controller of libvirt is a 53C895A, which needs another driver in the guest.';

const CONTROLLERS: Partial<Record<ControllerKind, EmulatedController>> = {
  pvscsi: { bus: 'scsi', model: 'vmpvscsi', device: 'pvscsi', mostDisks: 64 },
  lsilogicsas: { bus: 'scsi', model: 'lsisas1068', device: 'mptsas1068', mostDisks: 8 },
  lsilogic: { bus: 'scsi', model: 'lsilogic', device: 'lsi53c895a', mostDisks: 7 },
  'virtio-scsi': { bus: 'scsi', model: 'virtio-scsi', device: 'virtio-scsi-pci', mostDisks: 256 },
  virtio: { bus: 'virtio', device: 'virtio-blk-pci', mostDisks: Number.POSITIVE_INFINITY },
  sata: { bus: 'sata', device: 'ich9-ahci', mostDisks: Number.POSITIVE_INFINITY },
  ide: { bus: 'ide', device: 'piix3-ide', mostDisks: 4 },
};

/** Undefined if QEMU or libvirt has no equivalent: BusLogic, NVMe, USB disks, and unknown controllers. */
export function emulatedController(kind: ControllerKind | undefined): EmulatedController | undefined {
  return kind === undefined ? undefined : CONTROLLERS[kind];
}

/**
 * OVMF has drivers for some of these controllers only if the distribution built them in. Debian's sees no disk on
 * them (measured), and firmware descriptors do not list drivers.
 */
const DOUBTFUL_IN_UEFI: ReadonlySet<ControllerKind | undefined> = new Set(['pvscsi', 'lsilogicsas', 'lsilogic']);

/** Whether every UEFI firmware for KVM finds the disks of a controller. */
export function isKnownToUefi(kind: ControllerKind | undefined): boolean {
  return !DOUBTFUL_IN_UEFI.has(kind);
}

/** Whether KVM offers a guest the identical controller that it had. */
export function isSameController(kind: ControllerKind | undefined): boolean {
  return kind !== 'lsilogic' && emulatedController(kind) !== undefined;
}

const CARDS: Readonly<Record<string, string>> = {
  vmxnet3: 'vmxnet3',
  e1000: 'e1000',
  e1000e: 'e1000e',
  pcnet32: 'pcnet',
  vlance: 'pcnet',
  virtio: 'virtio',
  rtl8139: 'rtl8139',
};

/**
 * QEMU's model for a NIC as its source names it, in lower case; undefined if QEMU has none (vmxnet, vmxnet2, SR-IOV,
 * and unknown models).
 */
export function emulatedNic(model: string): string | undefined {
  return CARDS[model];
}

/** QEMU's device name for libvirt's NIC model. */
export function nicDevice(model: string): string {
  return model === 'virtio' ? 'virtio-net-pci' : model;
}

/** The names for people. */
export const CONTROLLER_WORDS: Readonly<Record<ControllerKind, string>> = {
  ide: 'IDE',
  scsi: 'SCSI',
  buslogic: 'BusLogic',
  lsilogic: 'LSI Logic Parallel',
  lsilogicsas: 'LSI Logic SAS',
  pvscsi: 'VMware Paravirtual',
  'virtio-scsi': 'virtio-scsi',
  virtio: 'virtio',
  sata: 'SATA',
  nvme: 'NVMe',
  usb: 'USB',
};
