import { pciAddressOf, predictableNamesOf } from '../../inspect/pci-slot.ts';
import type { TargetAddress, TargetHardware } from '../boot-check.ts';

/** A NIC of the target, with its names on VMware. */
export interface Nic {
  mac: string | undefined;
  driver: string;
  /** The kernel's name on the target, before any rename. */
  kernelName: string;
  /** The possible predictable names on the target; empty if its address there is unknown. */
  targetNames: readonly string[];
  /** The possible PCI addresses on the target; empty if they are unknown. */
  targetAddresses: readonly string[];
  /** The kernel's name on VMware; undefined if the source's slots are unknown. */
  sourceKernelName: string | undefined;
  /** The possible predictable names on VMware; empty if its slot is unknown. */
  sourceNames: readonly string[];
  /** The PCI address on VMware. */
  sourceAddress: string | undefined;
  /** A noun phrase for people. */
  title: string;
}

/** The kernel numbers NICs in PCI address order. */
export function nicsOf(hardware: TargetHardware): Nic[] {
  const nics = hardware.nics ?? [];
  const addresses = nics.map(({ sourceSlotNumber }) => pciAddressOf(sourceSlotNumber));
  const isOrderKnown = nics.length === 1 || addresses.every((address) => address !== undefined);
  return nics.map(({ mac, driver, network, sourceSlotNumber, address: target }, index) => {
    const address = addresses[index];
    const place = addresses.filter((other) => (other ?? '') < (address ?? '')).length;
    return {
      mac: mac?.toLowerCase(),
      driver,
      kernelName: `eth${index}`,
      targetNames: placesOf(target).flatMap(namesAt),
      targetAddresses: placesOf(target).map(addressAt),
      sourceKernelName: isOrderKnown ? `eth${nics.length === 1 ? 0 : place}` : undefined,
      sourceNames: sourceSlotNumber === undefined ? [] : predictableNamesOf(sourceSlotNumber),
      sourceAddress: address,
      title: [`NIC ${index + 1}`, mac, network === undefined ? undefined : `on ${network}`].filter(Boolean).join(' '),
    };
  });
}

const MOST_BUSES = 255;

interface Place {
  bus: number;
  device: number;
}

/** The possible places of a NIC. */
function placesOf(address: TargetAddress | undefined): Place[] {
  if (address === undefined) return [];
  const { bus, device } = address;
  if (bus !== undefined) return [{ bus, device }];
  return Array.from({ length: MOST_BUSES }, (_, index) => ({ bus: index + 1, device }));
}

/**
 * By path, and on the root bus of machine `pc` also by slot. There QEMU numbers slots like devices. Slots behind root
 * ports have the number 0, which udev ignores.
 */
function namesAt({ bus, device }: Place): string[] {
  const byPath = `enp${bus}s${device}`;
  return bus === 0 ? [byPath, `ens${device}`] : [byPath];
}

function addressAt({ bus, device }: Place): string {
  const [busDigits, deviceDigits] = [bus, device].map((each) => each.toString(16).padStart(2, '0'));
  return `0000:${busDigits}:${deviceDigits}.0`;
}
