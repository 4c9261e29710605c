import type { ControllerKind, VmController } from '../../base/vm-config.ts';
import { readPciSlot, RESOURCE, type OvfItem } from '../descriptor/items.ts';
import { wholeNumber } from '../descriptor/sections.ts';

/** The order in which vSphere numbers its buses (device keys 200, 1000, 15000, 31000), and so its disks. */
const BUS_ORDER: readonly ControllerKind[][] = [
  ['ide'],
  ['scsi', 'buslogic', 'lsilogic', 'lsilogicsas', 'pvscsi', 'virtio-scsi', 'virtio'],
  ['sata'],
  ['nvme'],
  ['usb'],
];

/** The storage controllers by instance ID. */
export function readControllers(items: readonly OvfItem[]): Map<string, VmController> {
  const controllers = new Map(
    items.flatMap((item): [string, VmController][] => {
      const kind = kindOf(item);
      if (kind === undefined) return [];
      // OVF 0.9 calls it the number of the bus.
      const address = wholeNumber(item.field('Address') ?? item.field('BusNumber')) ?? 0;
      const pciSlotNumber = readPciSlot(item.element);
      return [[item.instanceId, { kind, address, ...(pciSlotNumber === undefined ? {} : { pciSlotNumber }) }]];
    }),
  );
  giveOwnAddresses([...controllers.values()]);
  return controllers;
}

/** Many writers give all controllers of a bus the address 0: then they are counted in the order in which they stand. */
function giveOwnAddresses(controllers: readonly VmController[]): void {
  for (const bus of BUS_ORDER.keys()) {
    const ofBus = controllers.filter((controller) => busOrder(controller) === bus);
    if (new Set(ofBus.map(({ address }) => address)).size === ofBus.length) continue;
    for (const [index, controller] of ofBus.toSorted((a, b) => a.address - b.address).entries()) {
      controller.address = index;
    }
  }
}

/** Where a controller's bus stands among all; without a controller, after them. */
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

/** VMware's words (`VirtualSCSI`, `vmware.sata.ahci`, `vmware.nvme.controller`) and VirtualBox's (`AHCI`, `LsiLogicSas`, `NVMe`). */
function kindOf({ resourceType, subType }: OvfItem): ControllerKind | undefined {
  if (resourceType === RESOURCE.ide) return 'ide';
  if (resourceType === RESOURCE.usb) return 'usb';
  if (resourceType !== RESOURCE.scsi && resourceType !== RESOURCE.otherStorage) return undefined;
  if (subType.includes('nvme')) return 'nvme';
  if (/ahci|sata/.test(subType)) return 'sata';
  const scsi = subType.split(/\s+/).find((word) => SCSI_KINDS.has(word));
  return SCSI_KINDS.get(scsi ?? '') ?? (resourceType === RESOURCE.scsi ? 'scsi' : undefined);
}

/** What oVirt, which lists no controllers, says of a disk itself. */
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
