/**
 * The slots of the bridges for PCI Express devices, and the first bus after them. Each bridge has 8 functions with a
 * bus each.
 */
const FIRST_EXPRESS_BRIDGE = 5;
const LAST_EXPRESS_BRIDGE = 8;
const FIRST_EXPRESS_BUS = 3;
const FUNCTIONS = 8;

/**
 * The PCI address that a guest sees for a slot of a VMware VM (hardware version 7 and later). The lowest 5 bits of
 * the number are the device, the next 5 the bridge counted from 1, and the higher ones the bridge's function: 16 is
 * `0000:00:10.0`, 33 `0000:02:01.0`, 160 `0000:03:00.0`, 1184 `0000:04:00.0`. Undefined for other slots.
 */
export function pciAddressOf(slotNumber: number | undefined): string | undefined {
  if (slotNumber === undefined) return undefined;
  const device = slotNumber % 32;
  const bridge = Math.floor(slotNumber / 32) % 32;
  const bridgeFunction = Math.floor(slotNumber / 1024);
  if (bridgeFunction === 0 && bridge === 0) return address(0, device);
  // The only conventional PCI bridge.
  if (bridgeFunction === 0 && bridge === 1) return address(2, device);
  const isExpress = bridge >= FIRST_EXPRESS_BRIDGE && bridge <= LAST_EXPRESS_BRIDGE && bridgeFunction < FUNCTIONS;
  if (!isExpress || device !== 0) return undefined;
  return address(FIRST_EXPRESS_BUS + (bridge - FIRST_EXPRESS_BRIDGE) * FUNCTIONS + bridgeFunction, 0);
}

/** A VM of VMware has at most ten NICs. */
const MOST_NICS = 10;

/**
 * The predictable names that udev can give the NIC in a slot of a VMware VM: `ens192` by slot, `enp11s0` by path, and
 * `eno16780032` by the index that VMware's firmware reports, which udev used before systemd 218 and the Red Hat family
 * 7 still uses. The index has the NIC's number, counted from 1, above its bus, device and function. VMware numbers the
 * functions of a bridge in steps of 1024: the guest sees 160, 1184, 2208 as slots 160, 161, 162.
 */
export function predictableNamesOf(slotNumber: number): string[] {
  const slot = (slotNumber % 1024) + Math.floor(slotNumber / 1024);
  const bySlot = [`ens${slot}`, `eno${slot}`];
  const [, busDigits = '', deviceDigits = ''] = /^0000:(..):(..)\.0$/.exec(pciAddressOf(slotNumber) ?? '') ?? [];
  if (busDigits === '') return bySlot;
  const [bus, device] = [Number.parseInt(busDigits, 16), Number.parseInt(deviceDigits, 16)];
  const place = bus * 2 ** 8 + device * 2 ** 3;
  const byIndex = Array.from({ length: MOST_NICS }, (_, index) => `eno${(index + 1) * 2 ** 24 + place}`);
  return [...bySlot, `enp${bus}s${device}`, ...byIndex];
}

function address(bus: number, device: number): string {
  return `0000:${twoDigits(bus)}:${twoDigits(device)}.0`;
}

function twoDigits(value: number): string {
  return value.toString(16).padStart(2, '0');
}
