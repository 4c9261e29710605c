import type { DiskController, NetworkCardOptions } from './options.ts';
import type { DiskPlace } from './disk-placement.ts';
import { escapeText } from './xml-writer.ts';

/** Writes one `Item` of the hardware section. The schema requires its elements in alphabetical order. */
function item(fields: Record<string, string | number | undefined>): string {
  const lines = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `        <rasd:${name}>${escapeText(String(value))}</rasd:${name}>`);
  return ['      <Item>', ...lines, '      </Item>'].join('\n');
}

/** CIM resource types. */
const RESOURCE = { cpu: 3, memory: 4, scsi: 6, network: 10, disk: 17, otherStorage: 20, ide: 5 } as const;

export function cpuItem(instance: number, cpus: number): string {
  return item({
    AllocationUnits: 'hertz * 10^6',
    Description: 'Number of Virtual CPUs',
    ElementName: `${cpus} virtual CPU(s)`,
    InstanceID: instance,
    ResourceType: RESOURCE.cpu,
    VirtualQuantity: cpus,
  });
}

export function memoryItem(instance: number, memoryMb: number): string {
  return item({
    AllocationUnits: 'byte * 2^20',
    Description: 'Memory Size',
    ElementName: `${memoryMb}MB of memory`,
    InstanceID: instance,
    ResourceType: RESOURCE.memory,
    VirtualQuantity: memoryMb,
  });
}

const CONTROLLER_ITEMS: Record<DiskController, { name: string; subType: string | undefined; type: number }> = {
  lsilogic: { name: 'SCSI Controller', subType: 'lsilogic', type: RESOURCE.scsi },
  pvscsi: { name: 'SCSI Controller', subType: 'VirtualSCSI', type: RESOURCE.scsi },
  lsisas: { name: 'SCSI Controller', subType: 'lsilogicsas', type: RESOURCE.scsi },
  ide: { name: 'VirtualIDEController', subType: undefined, type: RESOURCE.ide },
  sata: { name: 'SATA Controller', subType: 'vmware.sata.ahci', type: RESOURCE.otherStorage },
  nvme: { name: 'NVME Controller', subType: 'vmware.nvme.controller', type: RESOURCE.otherStorage },
};

/** Returns one item per controller that has a disk, and the instance ID that its disks refer to. */
export function controllerItems(disks: readonly DiskPlace[], firstInstance: number) {
  const instanceOf = new Map<number, number>();
  const items: string[] = [];
  for (const disk of disks) {
    const { key, bus } = disk.controller;
    if (instanceOf.has(key)) continue;
    const kind = CONTROLLER_ITEMS[disk.options.controller ?? 'lsilogic'];
    const instance = firstInstance + items.length;
    instanceOf.set(key, instance);
    items.push(
      item({
        Address: bus,
        Description: kind.name,
        ElementName: `${kind.name} ${bus}`,
        InstanceID: instance,
        ResourceSubType: kind.subType,
        ResourceType: kind.type,
      }),
    );
  }
  return { items, instanceOf };
}

/** `number` is the 1-based index of the disk in the disk section. */
export function diskItem(instance: number, disk: DiskPlace, number: number, parent: number): string {
  return item({
    AddressOnParent: disk.unitNumber,
    ElementName: disk.label,
    HostResource: `ovf:/disk/vmdisk${number}`,
    InstanceID: instance,
    Parent: parent,
    ResourceType: RESOURCE.disk,
  });
}

export function networkItem(instance: number, card: NetworkCardOptions, index: number, withMac: boolean): string {
  const network = card.network ?? 'VM Network';
  const model = { vmxnet3: 'VmxNet3', e1000: 'E1000', e1000e: 'E1000e' }[card.model ?? 'vmxnet3'];
  return item({
    Address: withMac ? card.macAddress : undefined,
    AddressOnParent: 7 + index,
    AutomaticAllocation: 'true',
    Connection: network,
    Description: `${model} ethernet adapter on "${network}"`,
    ElementName: `Network adapter ${index + 1}`,
    InstanceID: instance,
    ResourceSubType: model,
    ResourceType: RESOURCE.network,
  });
}
