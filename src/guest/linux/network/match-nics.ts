import { predictableNamesOf } from '../../inspect/pci-slot.ts';
import type { GuestNic } from '../../guest.ts';
import { readMac, type InterfaceName } from '../../inspect/interface-name.ts';

export interface Binding {
  name: string;
  mac: string;
}

export interface NicMatch {
  bindings: Binding[];
  /** Names without a NIC, or whose NIC has no known MAC address. */
  unmatched: string[];
  /** NICs without a configuration whose predictable name follows from VMware's slot. */
  unnamed: Binding[];
}

type Adapter = Pick<GuestNic, 'mac' | 'pciSlotNumber'>;

/**
 * Matches NICs to their names on VMware: by the MAC address in the configuration; by slot (`ens192` is the NIC in
 * slot 192); by the kernel's numbering (`eth1` is the second NIC); the rest in order. A name that the guest binds
 * itself claims its NIC. `nics` must be in PCI address order. With `hasKernelNames` the kernel's numbering is exact
 * and takes precedence over the slots.
 */
export function matchNics(
  names: readonly InterfaceName[],
  nics: readonly GuestNic[],
  hasKernelNames = false,
): NicMatch {
  const adapters = nics.map(({ mac, pciSlotNumber }): Adapter => ({ mac: readMac(mac), pciSlotNumber }));
  const free = new Set(adapters);
  const take = (fits: (adapter: Adapter) => boolean) => {
    const adapter = [...free].find(fits);
    if (adapter) free.delete(adapter);
    return adapter;
  };
  const matches = new Map<string, string | undefined>();
  for (const { name, mac, bound } of names) {
    const adapter = mac === undefined ? undefined : take((each) => each.mac === mac);
    if (adapter || bound) matches.set(name, bound ? '' : adapter?.mac);
  }
  const takeAll = (fits: (adapter: Adapter, name: string) => boolean) => {
    for (const name of rest()) {
      const adapter = take((each) => fits(each, name));
      if (adapter) matches.set(name, adapter.mac);
    }
  };
  const rest = () => names.filter(({ name }) => !matches.has(name)).map(({ name }) => name);
  const isCounted = (adapter: Adapter, name: string) => adapters.indexOf(adapter) === kernelNumber(name);
  for (const fits of hasKernelNames ? [isCounted, isNameOfSlot] : [isNameOfSlot, isCounted]) takeAll(fits);
  for (const name of rest().toSorted(byNumber)) {
    // The kernel's numbering does not reach this name, so it belonged to no NIC on VMware.
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
      const name = pciSlotNumber === undefined ? undefined : predictableNamesOf(pciSlotNumber)[0];
      return mac === undefined || name === undefined || matches.has(name) ? [] : [{ name, mac }];
    }),
  };
}

/** `eth1` is 1. */
function kernelNumber(name: string): number | undefined {
  const [, number] = /^eth(\d{1,3})$/.exec(name) ?? [];
  return number === undefined ? undefined : Number(number);
}

function isNameOfSlot({ pciSlotNumber }: Adapter, name: string): boolean {
  return pciSlotNumber !== undefined && predictableNamesOf(pciSlotNumber).includes(name);
}

/** `ens33` before `ens192`. */
function byNumber(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
