import { pciAddressOf } from '../../inspect/pci-slot.ts';
import type { GuestNic } from '../../guest.ts';
import { readMac, type InterfaceName } from '../../inspect/interface-name.ts';

export interface Binding {
  name: string;
  mac: string;
}

export interface CardMatch {
  bindings: Binding[];
  /** Names that no NIC is left for, or whose NIC has no known address. */
  unmatched: string[];
  /** NICs that no configuration names, where VMware's slot determines their predictable name. */
  unnamed: Binding[];
}

type Card = Pick<GuestNic, 'mac' | 'pciSlotNumber'>;

/**
 * Which NIC had which name on VMware: by the address in the configuration; by the slot (`ens192` is the NIC in slot 192); by the kernel's count (`eth1` is the second NIC);
 * the others in order. Names that the guest binds itself take their NIC with them. `nics` are in the order of their PCI addresses. With `hasKernelNames` the kernel's count is
 * exact, and comes before the slots.
 */
export function matchCards(
  names: readonly InterfaceName[],
  nics: readonly GuestNic[],
  hasKernelNames = false,
): CardMatch {
  const cards = nics.map(({ mac, pciSlotNumber }): Card => ({ mac: readMac(mac), pciSlotNumber }));
  const free = new Set(cards);
  const take = (fits: (card: Card) => boolean) => {
    const card = [...free].find(fits);
    if (card) free.delete(card);
    return card;
  };
  const matches = new Map<string, string | undefined>();
  for (const { name, mac, bound } of names) {
    const card = mac === undefined ? undefined : take((each) => each.mac === mac);
    if (card || bound) matches.set(name, bound ? '' : card?.mac);
  }
  const takeAll = (fits: (card: Card, name: string) => boolean) => {
    for (const name of rest()) {
      const card = take((each) => fits(each, name));
      if (card) matches.set(name, card.mac);
    }
  };
  const rest = () => names.filter(({ name }) => !matches.has(name)).map(({ name }) => name);
  const isCounted = (card: Card, name: string) => cards.indexOf(card) === kernelNumber(name);
  for (const fits of hasKernelNames ? [isCounted, isNameOfSlot] : [isNameOfSlot, isCounted]) takeAll(fits);
  for (const name of rest().toSorted(byNumber)) {
    // The kernel's count has no such NIC: on VMware the name was of none.
    const isAbsent = hasKernelNames && kernelNumber(name) !== undefined;
    matches.set(name, isAbsent ? undefined : take(() => true)?.mac);
  }
  const open = names.filter(({ name }) => matches.get(name) !== '');
  return {
    bindings: open.flatMap(({ name }) => {
      const mac = matches.get(name);
      return mac === undefined ? [] : [{ name, mac }];
    }),
    unmatched: open.filter(({ name }) => matches.get(name) === undefined).map(({ name }) => name),
    unnamed: [...free].flatMap(({ mac, pciSlotNumber }) => {
      const name = pciSlotNumber === undefined ? undefined : `ens${slotOfName(pciSlotNumber)}`;
      return mac === undefined || name === undefined || matches.has(name) ? [] : [{ name, mac }];
    }),
  };
}

/** `eth1` is 1. */
function kernelNumber(name: string): number | undefined {
  const [, number] = /^eth(\d{1,3})$/.exec(name) ?? [];
  return number === undefined ? undefined : Number(number);
}

/** `ens192` by the slot; `enp11s0` by the bus and the device, in decimal digits, where udev did not know the slot. */
function isNameOfSlot({ pciSlotNumber }: Card, name: string): boolean {
  if (pciSlotNumber === undefined) return false;
  const [, slot] = /^(?:ens|eno)(\d+)$/.exec(name) ?? [];
  if (slot !== undefined) return Number(slot) === slotOfName(pciSlotNumber);
  const [, bus, device] = /^enp(\d{1,3})s(\d{1,2})$/.exec(name) ?? [];
  const [, busHex = '', deviceHex = ''] = /^0000:(..):(..)\.0$/.exec(pciAddressOf(pciSlotNumber) ?? '') ?? [];
  return bus !== undefined && Number(bus) === parseInt(busHex, 16) && Number(device) === parseInt(deviceHex, 16);
}

/** VMware numbers the functions of a bridge in steps of 1024: 160, 1184, 2208, which the guest sees as slots 160, 161, 162. */
function slotOfName(pciSlotNumber: number): number {
  return (pciSlotNumber % 1024) + Math.floor(pciSlotNumber / 1024);
}

/** `ens33` before `ens192`. */
function byNumber(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
