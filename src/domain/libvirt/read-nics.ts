import { childOf, childrenOf, type XmlNode } from './xml-tree.ts';

export interface ReadNic {
  mac: string | undefined;
  model: string;
  /**
   * The NIC is directly on the root bus, not on a root port or a bridge; undefined if the domain contains no address.
   */
  onRootBus: boolean | undefined;
}

/** libvirt's default for a NIC without a model on x86. */
const DEFAULT_MODEL = 'rtl8139';
const MAC = /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/;
/** The limit of nested bridges; libvirt's own domains have two levels. */
const MOST_LEVELS = 8;

/** The device and function numbers of the bridges that lead to a device, followed by its own. */
type PciPath = readonly number[];

/**
 * The NICs of a domain in the order in which Linux finds them, which is PCI address order. If an address is missing,
 * domain order is used, in which libvirt assigns addresses.
 */
export function readNics(devices: XmlNode | undefined): ReadNic[] {
  const buses = new Map(
    childrenOf(devices, 'controller')
      .filter(({ attributes }) => attributes.get('type') === 'pci')
      .map((node) => [Number(attributeOf(node, 'index')), node]),
  );
  const nics = childrenOf(devices, 'interface').map((node) => {
    const path = pciPath(node, buses);
    return { path, nic: { ...nicOf(node), onRootBus: path && path.length === 1 } };
  });
  const known = nics.flatMap(({ path, nic }) => (path === undefined ? [] : [{ path, nic }]));
  if (known.length < nics.length) return nics.map(({ nic }) => nic);
  return known.toSorted((a, b) => comparePaths(a.path, b.path)).map(({ nic }) => nic);
}

function nicOf(node: XmlNode): Pick<ReadNic, 'mac' | 'model'> {
  const mac = childOf(node, 'mac')?.attributes.get('address')?.toLowerCase();
  return {
    mac: mac !== undefined && MAC.test(mac) ? mac : undefined,
    model: childOf(node, 'model')?.attributes.get('type') ?? DEFAULT_MODEL,
  };
}

function pciPath(node: XmlNode, buses: ReadonlyMap<number, XmlNode>, levels = 0): PciPath | undefined {
  const address = childOf(node, 'address');
  const [bus = 0, slot, pciFunction = 0] = ['bus', 'slot', 'function'].map((name) => pciNumber(address, name));
  if (address?.attributes.get('type') !== 'pci' || slot === undefined || levels === MOST_LEVELS) return undefined;
  const own = slot * 8 + pciFunction;
  if (bus === 0) return [own];
  const bridge = buses.get(bus);
  const above = bridge && pciPath(bridge, buses, levels + 1);
  return above && [...above, own];
}

/** Linux adds the devices of a bus first, then those on its bridges (`pci_bus_add_devices`). */
function comparePaths(a: PciPath, b: PciPath): number {
  const level = a.findIndex((number, index) => number !== b[index]);
  if (level < 0) return 0;
  const [aEnds, bEnds] = [a.length === level + 1, b.length === level + 1];
  if (aEnds !== bEnds) return aEnds ? -1 : 1;
  return (a[level] ?? 0) - (b[level] ?? 0);
}

/** libvirt writes hexadecimal with `0x`; decimal is valid too. */
function pciNumber(node: XmlNode | undefined, name: string): number | undefined {
  const text = node?.attributes.get(name) ?? '';
  return /^(?:0x[0-9a-f]{1,4}|\d{1,4})$/i.test(text) ? Number(text) : undefined;
}

function attributeOf({ attributes }: XmlNode, name: string): string {
  return attributes.get(name) ?? '';
}
