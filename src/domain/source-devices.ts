import type { ControllerKind } from '../base/vm-config.ts';
import type { DiskBus, ScsiModel } from './domain-facts.ts';

/** How QEMU emulates a controller that a machine had on VMware. */
export interface EmulatedController {
  bus: DiskBus;
  /** For the bus `scsi`. */
  model?: ScsiModel;
  /** QEMU's name of the device (`-device help`). */
  device: string;
  /** Disks on one controller: its SCSI ids but for its own, in QEMU. */
  mostDisks: number;
}

/** A controller or card that QEMU emulates, though not the same one: the guest needs another driver for it. */
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

/** Undefined where QEMU, or libvirt's way to it, has nothing of the kind: BusLogic, NVMe, USB disks, and what is not known. */
export function emulatedController(kind: ControllerKind | undefined): EmulatedController | undefined {
  return kind === undefined ? undefined : CONTROLLERS[kind];
}

/** OVMF has drivers for some of these only where its packager has built them in; Debian's sees no disk there (measured), and no descriptor of a firmware tells. */
const DOUBTFUL_IN_UEFI: ReadonlySet<ControllerKind | undefined> = new Set(['pvscsi', 'lsilogicsas', 'lsilogic']);

/** Whether every UEFI firmware of KVM finds the disks of a controller. */
export function isKnownToUefi(kind: ControllerKind | undefined): boolean {
  return !DOUBTFUL_IN_UEFI.has(kind);
}

/** Whether a guest finds on KVM the very controller that it had. */
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

/** QEMU's model for a card as its source names it, in lower case; undefined where it has none (vmxnet, vmxnet2, SR-IOV, and what is not known). */
export function emulatedCard(model: string): string | undefined {
  return CARDS[model];
}

/** QEMU's name of the device behind libvirt's model of a card. */
export function cardDevice(model: string): string {
  return model === 'virtio' ? 'virtio-net-pci' : model;
}

/** As a person knows them. */
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
