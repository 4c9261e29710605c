import { pciAddressOf } from '../../inspect/pci-slot.ts';
import type { TargetAddress, TargetHardware } from '../boot-check.ts';

/** A network adapter of the target, with what the guest called it on VMware. */
export interface Nic {
  mac: string | undefined;
  driver: string;
  /** The kernel's name on the target, before any rename. */
  kernelName: string;
  /** The predictable names that it may get on the target; empty if nothing is known of its address there. */
  targetNames: readonly string[];
  /** The PCI addresses that it may have on the target; empty if nothing is known of them. */
  targetAddresses: readonly string[];
  /** The kernel's name on VMware; undefined if the slots of the source are not known. */
  sourceKernelName: string | undefined;
  /** The predictable names that it may have had on VMware; empty if its slot is not known. */
  sourceNames: readonly string[];
  /** The PCI address on VMware. */
  sourceAddress: string | undefined;
  /** For a person. */
  title: string;
}

/** The kernel counts adapters in the order of their PCI addresses. */
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
      sourceNames: sourceSlotNumber === undefined ? [] : predictableNames(sourceSlotNumber, address),
      sourceAddress: address,
      title: [`NIC ${index + 1}`, mac, network === undefined ? undefined : `on ${network}`].filter(Boolean).join(' '),
    };
  });
}

/** `ens192` by the slot, `enp11s0` by the path. VMware numbers functions of a bridge in steps of 1024: 160, 1184, 2208 are slots 160, 161, 162 to the guest. */
function predictableNames(slotNumber: number, address: string | undefined): string[] {
  const slot = (slotNumber % 1024) + Math.floor(slotNumber / 1024);
  const [, bus, device] = /^0000:([0-9a-f]{2}):([0-9a-f]{2})\.0$/.exec(address ?? '') ?? [];
  const byPath =
    bus === undefined || device === undefined ? [] : [`enp${Number.parseInt(bus, 16)}s${Number.parseInt(device, 16)}`];
  return [`ens${slot}`, ...byPath];
}

const MOST_BUSES = 255;

interface Place {
  bus: number;
  device: number;
}

/** Where an adapter may be. */
function placesOf(address: TargetAddress | undefined): Place[] {
  if (address === undefined) return [];
  const { bus, device } = address;
  if (bus !== undefined) return [{ bus, device }];
  return Array.from({ length: MOST_BUSES }, (_, index) => ({ bus: index + 1, device }));
}

/** By the path, and on the root bus of machine `pc` also by the slot: QEMU numbers slots there as devices, and gives those behind root ports the number 0, which udev ignores. */
function namesAt({ bus, device }: Place): string[] {
  const byPath = `enp${bus}s${device}`;
  return bus === 0 ? [byPath, `ens${device}`] : [byPath];
}

function addressAt({ bus, device }: Place): string {
  const [busDigits, deviceDigits] = [bus, device].map((each) => each.toString(16).padStart(2, '0'));
  return `0000:${busDigits}:${deviceDigits}.0`;
}
