import type { VmNic } from '../../base/vm-config.ts';
import type { OvfElement } from '../descriptor/envelope.ts';
import { readPciSlot, RESOURCE, type OvfItem } from '../descriptor/items.ts';
import { wholeNumber } from '../descriptor/sections.ts';

/** oVirt writes the numbers of its `VmInterfaceType`. */
const OVIRT_CARDS: Readonly<Record<string, string>> = { '1': 'rtl8139', '2': 'e1000', '3': 'virtio', '6': 'e1000e' };

const KNOWN_CARDS: ReadonlySet<string> = new Set(
  'vmxnet vmxnet2 vmxnet3 e1000 e1000e pcnet32 vlance virtio rtl8139'.split(' '),
);

/** Returns the NICs in order. `machine` is VirtualBox's element, which can contain the MAC addresses. */
export function readNics(items: readonly OvfItem[], machine: OvfElement | undefined): VmNic[] {
  const adapters = virtualBoxMacs(machine);
  return items
    .filter(({ resourceType }) => resourceType === RESOURCE.network)
    .map((item, index) => ({
      mac: normalMac(item.field('Address')) ?? normalMac(item.field('MACAddress')) ?? adapters[index],
      model: OVIRT_CARDS[item.subType] ?? modelIn(item.subType),
      network: item.field('Connection'),
      pciSlotNumber: readPciSlot(item.element),
    }));
}

/** Returns the first known model of alternatives such as `vmxnet3 virtio`. */
function modelIn(subType: string): string {
  return subType.split(/\s+/).find((word) => KNOWN_CARDS.has(word)) ?? subType;
}

function virtualBoxMacs(machine: OvfElement | undefined): (string | undefined)[] {
  return (machine?.children('Hardware') ?? [])
    .flatMap((hardware) => hardware.children('Network'))
    .flatMap((network) => network.children('Adapter'))
    .filter((adapter) => adapter.attribute('enabled', 'vbox') === 'true')
    .toSorted((a, b) => slotOf(a) - slotOf(b))
    .map((adapter) => normalMac(adapter.attribute('MACAddress', 'vbox')));
}

function slotOf(adapter: OvfElement): number {
  return wholeNumber(adapter.attribute('slot', 'vbox')) ?? 0;
}

/**
 * Normalizes a MAC address. VirtualBox writes the twelve digits without colons. Multicast addresses (lowest bit of the
 * first byte) and all zeros are not valid for a NIC.
 */
export function normalMac(text: string | undefined): string | undefined {
  if (text === undefined || !/^([0-9a-f]{2}[:-]?){5}[0-9a-f]{2}$/i.test(text)) return undefined;
  const digits = text.replace(/[:-]/g, '').toLowerCase();
  if (Number.parseInt(digits.slice(0, 2), 16) % 2 === 1 || /^0+$/.test(digits)) return undefined;
  return digits.replace(/(..)(?=.)/g, '$1:');
}
