import type { OvfElement, RefuseDescriptor } from './envelope.ts';
import { hardwareItems, wholeNumber } from './sections.ts';

/** CIM's numbers for the kinds of resources that a domain needs (`CIM_ResourceAllocationSettingData.ResourceType`). */
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
  /** CIM's "storage extent", which XenServer writes for a hard disk. */
  storageExtent: 19,
  otherStorage: 20,
  usb: 23,
  logicalDisk: 31,
} as const;

/** One virtual device, or the machine's processors or memory. */
export interface OvfItem {
  instanceId: string;
  resourceType: number | undefined;
  /** Lower case: `lsilogic`, `vmware.sata.ahci`, `vmxnet3`. Words with blanks between them can be alternatives (DSP0243, 8.3): `virtio lsilogic`. */
  subType: string;
  /** What people call it. */
  label: string;
  /** The deployment configurations that it is of; none for all. */
  configurations: string[];
  /** A field of CIM's class, as text; undefined when it is not there or empty. */
  field: (name: string) => string | undefined;
  element: OvfElement;
}

/**
 * The hardware of a machine, in its order. Items with a `bound` only tell a range for another one (DSP0243, 8.4); those of other deployment
 * configurations than `configuration` are `ofOthers`, and its own replace their namesakes (9.8).
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
    // oVirt gives it in the spelling of CIM's drafts. Without any the place tells items apart.
    instanceId: field('InstanceID') ?? field('InstanceId') ?? `#${index}`,
    resourceType: wholeNumber(field('ResourceType')),
    subType: (field('ResourceSubType') ?? '').toLowerCase(),
    label: field('ElementName') ?? field('Caption') ?? `number ${index + 1}`,
    configurations: element.attribute('configuration')?.trim().split(/\s+/).filter(Boolean) ?? [],
    field,
    element,
  };
}

/** VMware's number of the PCI slot of a controller or card. */
export function readPciSlot(item: OvfElement): number | undefined {
  const settings = item.children('Config', 'vmw');
  const slot = settings.find((setting) => setting.attribute('key', 'vmw') === 'slotInfo.pciSlotNumber');
  return wholeNumber(slot?.attribute('value', 'vmw'));
}
