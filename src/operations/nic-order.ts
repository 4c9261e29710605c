import type { ControllerKind, VmController } from '../base/vm-config.ts';
import { pciAddressOf } from '../guest/inspect/pci-slot.ts';

/** What the order of NICs follows from. */
export interface OrderedNic {
  /** Lower case, as the source names it: `vmxnet3`, `e1000`. */
  model: string;
  pciSlotNumber?: number | undefined;
}

/** Devices that VMware puts behind PCI Express bridges; the others are on its conventional bus. */
const EXPRESS_NICS: ReadonlySet<string> = new Set(['vmxnet3', 'e1000e']);
const EXPRESS_CONTROLLERS: ReadonlySet<ControllerKind> = new Set(['pvscsi', 'lsilogicsas', 'nvme']);
/** Devices that no VMware product has: such a machine is not VMware's, and numbers of slots say nothing about it. */
const FOREIGN_NICS: ReadonlySet<string> = new Set(['virtio', 'rtl8139']);

/** 160, 192, 224, 256, then 1184, 1216 …: the four bridges for PCI Express with their first function, then with their second. */
const EXPRESS_SLOTS = Array.from({ length: 8 }, (_f, bridgeFunction) =>
  [160, 192, 224, 256].map((slot) => slot + bridgeFunction * 1024),
).flat();
/** The slots of the conventional bus. */
const PLAIN_SLOTS = Array.from({ length: 32 }, (_s, device) => 32 + device);
const LAST = 'none';

/**
 * The NICs of a machine on VMware in the order of their PCI addresses, by which Linux counts `eth0`, `eth1`. The addresses follow from the slot numbers
 * (https://knowledge.broadcom.com/external/article?legacyId=2047927). A NIC without one is taken to be in the next free slot, since VMware assigns slots in the order of the
 * devices when the VM is first powered on. `nics` are in the order of their numbers, `ethernet0` first.
 */
export function inPciOrder<T extends OrderedNic>(
  nics: readonly T[],
  controllers: readonly (VmController | undefined)[],
): T[] {
  const isKnown = nics.every(({ pciSlotNumber }) => pciSlotNumber !== undefined);
  if (!isKnown && nics.some(({ model }) => FOREIGN_NICS.has(model))) return [...nics];
  const free = freeSlots(nics, controllers);
  const placed = nics.map((nic) => {
    const slots = EXPRESS_NICS.has(nic.model) ? free.express : free.plain;
    return { nic, address: pciAddressOf(nic.pciSlotNumber ?? slots.shift()) ?? LAST };
  });
  // Addresses are of one length, in hexadecimal digits: as texts they have the order of the numbers.
  return placed.toSorted((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0)).map(({ nic }) => nic);
}

function freeSlots(
  nics: readonly OrderedNic[],
  controllers: readonly (VmController | undefined)[],
): { express: number[]; plain: number[] } {
  const ofDisks = new Map(
    controllers.flatMap((each) => (each === undefined ? [] : [[`${each.kind} ${each.address}`, each] as const])),
  );
  const taken = new Set([...nics, ...ofDisks.values()].map(({ pciSlotNumber }) => pciSlotNumber));
  const unnumbered = [...ofDisks.values()].filter(
    ({ kind, pciSlotNumber }) => pciSlotNumber === undefined && EXPRESS_CONTROLLERS.has(kind),
  );
  return {
    express: EXPRESS_SLOTS.filter((slot) => !taken.has(slot)).slice(unnumbered.length),
    plain: PLAIN_SLOTS.filter((slot) => !taken.has(slot)),
  };
}
