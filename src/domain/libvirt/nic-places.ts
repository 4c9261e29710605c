import type { DomainFacts } from '../domain-facts.ts';

/** A slot on a PCI bus of a domain; the function is always 0. */
export interface PciPlace {
  /** The index of the `pci` controller that provides the bus. */
  bus: number;
  slot: number;
}

export interface NicPlaces {
  /** One per NIC, in NIC order. */
  nics: PciPlace[];
  /** The PCI Express root ports, one per NIC; the first is the controller with index 1. */
  rootPorts: PciPlace[];
}

/**
 * libvirt fills buses from slot 1 upwards and places fixed devices from 0x1a upwards. The slots between are free
 * whatever else the domain contains.
 */
const FIRST_SLOT = 0x10;
const SLOTS = 10;
/**
 * The other models are conventional PCI devices. QEMU's docs/pcie.txt allows those on the root bus and not on root
 * ports.
 */
const EXPRESS_MODELS: ReadonlySet<string> = new Set(['virtio', 'e1000e', 'vmxnet3']);

/**
 * PCI addresses for NICs, so that the guest's kernel finds them in list order, in which it numbers `eth0`, `eth1`.
 * libvirt reserves given addresses before it assigns others, so they cannot collide. Undefined for the ARM machine
 * and for more NICs than VMware allows (10): libvirt then assigns addresses in the same order.
 */
export function placeNics({ machine, nics }: Pick<DomainFacts, 'machine' | 'nics'>): NicPlaces | undefined {
  if (machine === 'virt' || nics.length === 0 || nics.length > SLOTS) return undefined;
  // Linux finds the devices of a bus before those on its bridges. Every NIC that precedes a conventional NIC is
  // therefore also on the root bus.
  const onRootBus = machine === 'pc' ? nics.length : nics.findLastIndex(({ model }) => !EXPRESS_MODELS.has(model)) + 1;
  const slots = nics.map((_nic, index): PciPlace => ({ bus: 0, slot: FIRST_SLOT + index }));
  const rootPorts = slots.slice(onRootBus);
  const behindPorts = rootPorts.map((_port, index): PciPlace => ({ bus: index + 1, slot: 0 }));
  return { nics: [...slots.slice(0, onRootBus), ...behindPorts], rootPorts };
}
