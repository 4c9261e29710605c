import type { ControllerKind, VmController } from '../../base/vm-config.ts';
import { readPciSlot, RESOURCE, type OvfItem } from '../descriptor/items.ts';
import { wholeNumber } from '../descriptor/sections.ts';

/** The order of buses, and therefore of disks, in vSphere (device keys 200, 1000, 15000, 31000). */
const BUS_ORDER: readonly ControllerKind[][] = [
  ['ide'],
  ['scsi', 'buslogic', 'lsilogic', 'lsilogicsas', 'pvscsi', 'virtio-scsi', 'virtio'],
  ['sata'],
  ['nvme'],
  ['usb'],
];

/** Returns the storage controllers by instance ID. */
export function readControllers(items: readonly OvfItem[]): Map<string, VmController> {
  const controllers = new Map(
    items.flatMap((item): [string, VmController][] => {
      const kind = kindOf(item);
      if (kind === undefined) return [];
      // OVF 0.9 calls it `BusNumber`.
      const address = wholeNumber(item.field('Address') ?? item.field('BusNumber')) ?? 0;
      const pciSlotNumber = readPciSlot(item.element);
      return [[item.instanceId, { kind, address, ...(pciSlotNumber === undefined ? {} : { pciSlotNumber }) }]];
    }),
  );
  giveOwnAddresses([...controllers.values()]);
  return controllers;
}

/** Many writers set the address of all controllers on a bus to 0. Such controllers are numbered in descriptor order. */
function giveOwnAddresses(controllers: readonly VmController[]): void {
  for (const bus of BUS_ORDER.keys()) {
    const ofBus = controllers.filter((controller) => busOrder(controller) === bus);
    if (new Set(ofBus.map(({ address }) => address)).size === ofBus.length) continue;
    for (const [index, controller] of ofBus.toSorted((a, b) => a.address - b.address).entries()) {
      controller.address = index;
    }
  }
}

/** Returns the sort position of a controller's bus. Disks without a controller come last. */
export function busOrder(controller: VmController | undefined): number {
  if (controller === undefined) return BUS_ORDER.length;
  return BUS_ORDER.findIndex((kinds) => kinds.includes(controller.kind));
}

const SCSI_KINDS = new Map<string, ControllerKind>([
  ['buslogic', 'buslogic'],
  ['lsilogic', 'lsilogic'],
  ['lsilogicsas', 'lsilogicsas'],
  ['virtualscsi', 'pvscsi'],
  ['virtioscsi', 'virtio-scsi'],
  ['virtio-scsi', 'virtio-scsi'],
  ['virtio', 'virtio-scsi'],
]);

/**
 * Recognizes the names of VMware (`VirtualSCSI`, `vmware.sata.ahci`, `vmware.nvme.controller`) and VirtualBox (`AHCI`,
 * `LsiLogicSas`, `NVMe`).
 */
function kindOf({ resourceType, subType }: OvfItem): ControllerKind | undefined {
  if (resourceType === RESOURCE.ide) return 'ide';
  if (resourceType === RESOURCE.usb) return 'usb';
  if (resourceType !== RESOURCE.scsi && resourceType !== RESOURCE.otherStorage) return undefined;
  if (subType.includes('nvme')) return 'nvme';
  if (/ahci|sata/.test(subType)) return 'sata';
  const scsi = subType.split(/\s+/).find((word) => SCSI_KINDS.has(word));
  return SCSI_KINDS.get(scsi ?? '') ?? (resourceType === RESOURCE.scsi ? 'scsi' : undefined);
}

/**
 * Returns the controller for a disk from oVirt, which does not list controllers but records the interface with the
 * disk.
 */
export function ovirtController(diskInterface: string | undefined): VmController | undefined {
  const kinds: Record<string, ControllerKind> = {
    ide: 'ide',
    sata: 'sata',
    virtio: 'virtio',
    virtio_scsi: 'virtio-scsi',
  };
  const kind = Object.entries(kinds).find(([name]) => name === diskInterface?.toLowerCase())?.[1];
  return kind === undefined ? undefined : { kind, address: 0 };
}
