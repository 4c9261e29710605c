import type { DomainFacts } from '../domain-facts.ts';

/** A slot of a PCI bus of a domain; the function is always 0. */
export interface PciPlace {
  /** The index of the `pci` controller that is the bus. */
  bus: number;
  slot: number;
}

export interface NicPlaces {
  /** One for each NIC, in their order. */
  nics: PciPlace[];
  /** The PCI Express root ports, each for one NIC: the first is the controller with index 1. */
  rootPorts: PciPlace[];
}

/** libvirt fills buses from slot 1 upwards and has devices with a fixed place from 0x1a upwards: slots between are free whatever else the domain has. */
const FIRST_SLOT = 0x10;
const SLOTS = 10;
/** The others are conventional PCI devices, for which QEMU's docs/pcie.txt allows the root bus and no root port. */
const EXPRESS_MODELS: ReadonlySet<string> = new Set(['virtio', 'e1000e', 'vmxnet3']);

/**
 * PCI addresses for NICs, so that the guest's kernel finds them in the order of the list: it counts `eth0`, `eth1` in that order. libvirt reserves given addresses before it
 * assigns others, so that they cannot collide. Undefined for ARM's machine, and for more NICs than VMware has (10): libvirt then assigns addresses, in the same order.
 */
export function placeNics({ machine, nics }: Pick<DomainFacts, 'machine' | 'nics'>): NicPlaces | undefined {
  if (machine === 'virt' || nics.length === 0 || nics.length > SLOTS) return undefined;
  // Linux finds the devices of a bus before those behind its bridges: what comes before a conventional NIC is on the root bus with it.
  const onRootBus = machine === 'pc' ? nics.length : nics.findLastIndex(({ model }) => !EXPRESS_MODELS.has(model)) + 1;
  const slots = nics.map((_nic, index): PciPlace => ({ bus: 0, slot: FIRST_SLOT + index }));
  const rootPorts = slots.slice(onRootBus);
  const behindPorts = rootPorts.map((_port, index): PciPlace => ({ bus: index + 1, slot: 0 }));
  return { nics: [...slots.slice(0, onRootBus), ...behindPorts], rootPorts };
}
