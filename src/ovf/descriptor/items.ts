import type { OvfElement, RefuseDescriptor } from './envelope.ts';
import { hardwareItems, wholeNumber } from './sections.ts';

/** CIM resource type numbers of the devices that a domain needs (`CIM_ResourceAllocationSettingData.ResourceType`). */
export const RESOURCE = {
  other: 1,
  processor: 3,
  memory: 4,
  ide: 5,
  scsi: 6,
  network: 10,
  floppy: 14,
  cd: 15,
  dvd: 16,
  disk: 17,
  /** CIM's "storage extent", which XenServer uses for a hard disk. */
  storageExtent: 19,
  otherStorage: 20,
  usb: 23,
  logicalDisk: 31,
} as const;

/** One virtual device, or the processors or memory of the VM. */
export interface OvfItem {
  instanceId: string;
  resourceType: number | undefined;
  /**
   * Lower case: `lsilogic`, `vmware.sata.ahci`, `vmxnet3`. Words separated by spaces can be alternatives (DSP0243,
   * 8.3): `virtio lsilogic`.
   */
  subType: string;
  /** The display name. */
  label: string;
  /** The deployment configurations that contain the item; empty for all. */
  configurations: string[];
  /** A field of the CIM class as text; undefined if it is missing or empty. */
  field: (name: string) => string | undefined;
  element: OvfElement;
}

/**
 * Reads the hardware of a VM in descriptor order. Omits items with a `bound`, which only define a range for another
 * item (DSP0243, 8.4). Items that belong only to configurations other than `configuration` are in `ofOthers`. Items of
 * the selected configuration replace those with the same ID (9.8).
 */
export function readItems(
  system: OvfElement,
  configuration: string | undefined,
  refuse: RefuseDescriptor,
): { items: OvfItem[]; ofOthers: OvfItem[] } {
  const ofOthers: OvfItem[] = [];
  const items = new Map<string, OvfItem>();
  const ofOption = new Set<string>();
  for (const [index, element] of hardwareItems(system).entries()) {
    const bound = element.attribute('bound');
    if (bound !== undefined && bound !== '' && bound !== 'normal') continue;
    const item = readItem(element, index);
    const isOfSome = item.configurations.length > 0;
    if (isOfSome && (configuration === undefined || !item.configurations.includes(configuration))) {
      ofOthers.push(item);
      continue;
    }
    const known = items.has(item.instanceId);
    if (known && !isOfSome && !ofOption.has(item.instanceId)) {
      refuse(`two of its devices have the instance ID ${item.instanceId.slice(0, 40)}`);
    }
    if (isOfSome) ofOption.add(item.instanceId);
    if (!known || isOfSome) items.set(item.instanceId, item);
  }
  return { items: [...items.values()], ofOthers };
}

export function readItem(element: OvfElement, index: number): OvfItem {
  const field = (name: string): string | undefined => element.children(name, 'rasd')[0]?.text() || undefined;
  return {
    // oVirt uses the spelling of CIM drafts. Items without an ID are identified by their position.
    instanceId: field('InstanceID') ?? field('InstanceId') ?? `#${index}`,
    resourceType: wholeNumber(field('ResourceType')),
    subType: (field('ResourceSubType') ?? '').toLowerCase(),
    label: field('ElementName') ?? field('Caption') ?? `number ${index + 1}`,
    configurations: element.attribute('configuration')?.trim().split(/\s+/).filter(Boolean) ?? [],
    field,
    element,
  };
}

/** VMware's PCI slot number of a controller or network adapter. */
export function readPciSlot(item: OvfElement): number | undefined {
  const settings = item.children('Config', 'vmw');
  const slot = settings.find((setting) => setting.attribute('key', 'vmw') === 'slotInfo.pciSlotNumber');
  return wholeNumber(slot?.attribute('value', 'vmw'));
}
