import type { ControllerKind, VmController } from '../base/vm-config.ts';
import { pciAddressOf } from '../guest/inspect/pci-slot.ts';

/** The fields that determine the order of NICs. */
export interface OrderedNic {
  /** Lower case, as the source names it: `vmxnet3`, `e1000`. */
  model: string;
  pciSlotNumber?: number | undefined;
}

/** Devices that VMware attaches to PCI Express bridges; the others are on its conventional PCI bus. */
const EXPRESS_NICS: ReadonlySet<string> = new Set(['vmxnet3', 'e1000e']);
const EXPRESS_CONTROLLERS: ReadonlySet<ControllerKind> = new Set(['pvscsi', 'lsilogicsas', 'nvme']);
/** Devices that no VMware product has. A VM with one is not VMware's, so its slot numbers are meaningless. */
const FOREIGN_NICS: ReadonlySet<string> = new Set(['virtio', 'rtl8139']);

/**
 * 160, 192, 224, 256, then 1184, 1216 …: the first function of the four PCI Express bridges, then the second, up to
 * the eighth.
 */
const EXPRESS_SLOTS = Array.from({ length: 8 }, (_f, bridgeFunction) =>
  [160, 192, 224, 256].map((slot) => slot + bridgeFunction * 1024),
).flat();
/** The slots of the conventional PCI bus. */
const PLAIN_SLOTS = Array.from({ length: 32 }, (_s, device) => 32 + device);
const LAST = 'none';

/**
 * The NICs of a VMware VM in PCI address order, in which Linux numbers `eth0`, `eth1`. The addresses follow from the
 * slot numbers (https://knowledge.broadcom.com/external/article?legacyId=2047927). A NIC without a slot number is
 * assumed to be in the next free slot, since VMware assigns slots in device order at the first power-on. `nics` must
 * be in the order of their numbers, `ethernet0` first.
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
  // Addresses are hexadecimal strings of equal length, so string order is numeric order.
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
