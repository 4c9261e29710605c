import type { OvfElement, RefuseDescriptor } from './ovf-envelope.ts';
import { sectionsOf, wholeNumber } from './ovf-sections.ts';

/** CIM's numbers for the kinds of resources that a domain needs (`CIM_ResourceAllocationSettingData.ResourceType`). */
export const RESOURCE = {
  other: 1,
  processor: 3,
  memory: 4,
  ide: 5,
  scsi: 6,
  network: 10,
  cd: 15,
  dvd: 16,
  disk: 17,
  otherStorage: 20,
  usb: 23,
  logicalDisk: 31,
} as const;

/** One virtual device, or the machine's processors or memory. */
export interface OvfItem {
  instanceId: string;
  resourceType: number | undefined;
  /** Lower case: `lsilogic`, `vmware.sata.ahci`, `vmxnet3`. */
  subType: string;
  /** What people call it. */
  label: string;
  /** A field of CIM's class, as text; undefined when it is not there or empty. */
  field: (name: string) => string | undefined;
  element: OvfElement;
}

/**
 * The hardware of a machine, in its order. Items with a `bound` only tell a range for another one (DSP0243, 8.4); those of a deployment
 * option that is not the default are left out, and those of the default one replace their namesakes (9.8).
 */
export function readItems(envelope: OvfElement, hardware: OvfElement, refuse: RefuseDescriptor): OvfItem[] {
  const option = defaultOption(envelope);
  const elements = ['Item', 'StorageItem', 'EthernetPortItem'].flatMap((name) => hardware.children(name));
  const items = new Map<string, OvfItem>();
  const ofOption = new Set<string>();
  for (const [index, element] of elements.entries()) {
    const options = element.attribute('configuration')?.trim().split(/\s+/).filter(Boolean) ?? [];
    const bound = element.attribute('bound');
    if (bound !== undefined && bound !== '' && bound !== 'normal') continue;
    if (options.length > 0 && (option === undefined || !options.includes(option))) continue;
    const item = readItem(element, index);
    const known = items.has(item.instanceId);
    if (known && options.length === 0 && !ofOption.has(item.instanceId)) {
      refuse(`two of its devices have the instance ID ${item.instanceId.slice(0, 40)}`);
    }
    if (options.length > 0) ofOption.add(item.instanceId);
    if (!known || options.length > 0) items.set(item.instanceId, item);
  }
  return [...items.values()];
}

function readItem(element: OvfElement, index: number): OvfItem {
  const field = (name: string): string | undefined => element.children(name, 'rasd')[0]?.text() || undefined;
  return {
    // oVirt gives it in the spelling of CIM's drafts. Without any the place tells items apart.
    instanceId: field('InstanceID') ?? field('InstanceId') ?? `#${index}`,
    resourceType: wholeNumber(field('ResourceType')),
    subType: (field('ResourceSubType') ?? '').toLowerCase(),
    label: field('ElementName') ?? field('Caption') ?? `number ${index + 1}`,
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

/** DSP0243, 9.8: the one marked as default, else the first. */
function defaultOption(envelope: OvfElement): string | undefined {
  const options = sectionsOf(envelope, 'DeploymentOptionSection').flatMap((each) => each.children('Configuration'));
  const marked = options.find((option) => ['true', '1'].includes(option.attribute('default') ?? ''));
  return (marked ?? options[0])?.attribute('id');
}
