import { element, toXmlText } from '../../base/xml/xml-text.ts';
import type { DiskBus, DomainDisk, DomainFacts, DomainNic } from '../domain-facts.ts';
import { placeNics, type PciPlace } from './nic-places.ts';

/**
 * The devices of a domain, each as an element: disks, empty CD-ROM drives, controllers, NICs, and the devices that
 * every domain has.
 */
export function deviceElements(facts: DomainFacts): string[][] {
  const { disks, cdRoms, scsiControllers, nics, tpm } = facts;
  const names = targetNames([...disks.map(({ bus }) => bus), ...cdRoms]);
  const boot = bootOrders(disks);
  const isArm = facts.machine === 'virt';
  const nameAt = (index: number): string => names[index] ?? '';
  const places = placeNics(facts);
  return [
    ...disks.map((disk, index) => diskElement(disk, facts, nameAt(index), boot[index] ?? 0)),
    ...cdRoms.map((bus, index) => cdRomElement(bus, nameAt(disks.length + index))),
    ...scsiControllers.map((model, index) => element('controller', { type: 'scsi', index, model })),
    ...(isArm ? [element('controller', { type: 'usb', index: 0, model: 'qemu-xhci' })] : []),
    ...rootPortElements(places?.rootPorts ?? []),
    ...nics.map((nic, index) => nicElement(nic, places?.nics[index])),
    element('serial', { type: 'pty' }),
    element('console', { type: 'pty' }),
    element('channel', { type: 'unix' }, [element('target', { type: 'virtio', name: 'org.qemu.guest_agent.0' })]),
    element('input', { type: 'tablet', bus: 'usb' }),
    // ARM's machine type has no built-in keyboard or USB controller, and no VGA.
    ...(isArm ? [element('input', { type: 'keyboard', bus: 'usb' })] : []),
    ...(tpm ? [tpmElement(isArm ? 'tpm-tis' : 'tpm-crb')] : []),
    element('graphics', { type: 'vnc', autoport: 'yes', listen: '127.0.0.1' }),
    element('video', {}, [element('model', { type: facts.video ?? 'vga' })]),
    element('memballoon', { model: 'virtio' }),
    element('rng', { model: 'virtio' }, [element('backend', { model: 'random' }, '/dev/urandom')]),
  ];
}

function diskElement(
  { path, format, bus, scsi, serial }: DomainDisk,
  { scsiControllers }: DomainFacts,
  name: string,
  bootOrder: number,
): string[] {
  const place = scsi === undefined ? [] : [scsiAddress(scsi, scsiControllers[scsi.controller] === 'lsilogic')];
  return element('disk', { type: 'file', device: 'disk' }, [
    element('driver', { name: 'qemu', type: format }),
    element('source', { file: path }),
    element('target', { dev: name, bus }),
    ...(serial === undefined ? [] : [element('serial', {}, serial)]),
    element('boot', { order: bootOrder }),
    ...place,
  ]);
}

/**
 * The address is explicit because libvirt counts up the unit (a LUN), and in QEMU these controllers have one LUN per
 * target. For an old parallel controller, which has no LUNs in libvirt, the unit is the SCSI id.
 */
function scsiAddress({ controller, target }: { controller: number; target: number }, isParallel: boolean): string[] {
  const place = isParallel ? { target: 0, unit: target } : { target, unit: 0 };
  return element('address', { type: 'drive', controller, bus: 0, ...place });
}

function cdRomElement(bus: DiskBus, name: string): string[] {
  return element('disk', { type: 'file', device: 'cdrom' }, [
    element('driver', { name: 'qemu', type: 'raw' }),
    element('target', { dev: name, bus }),
    element('readonly'),
  ]);
}

/** The index of each port is the number of the bus that it provides: `pcie-root` is bus 0. */
function rootPortElements(ports: readonly PciPlace[]): string[][] {
  if (ports.length === 0) return [];
  return [
    element('controller', { type: 'pci', index: 0, model: 'pcie-root' }),
    ...ports.map((place, at) =>
      element('controller', { type: 'pci', index: at + 1, model: 'pcie-root-port' }, [pciAddress(place)]),
    ),
  ];
}

function pciAddress({ bus, slot }: PciPlace): string[] {
  return element('address', { type: 'pci', domain: '0x0000', bus: hex(bus), slot: hex(slot), function: '0x0' });
}

/** In libvirt's notation. */
function hex(value: number): string {
  return `0x${value.toString(16).padStart(2, '0')}`;
}

function nicElement({ mac, model, network, bridge }: DomainNic, place: PciPlace | undefined): string[] {
  const source = bridge === undefined ? { network: toXmlText(network) } : { bridge: toXmlText(bridge) };
  return element('interface', { type: bridge === undefined ? 'network' : 'bridge' }, [
    ...(mac === undefined ? [] : [element('mac', { address: mac })]),
    element('source', source),
    element('model', { type: model }),
    ...(place === undefined ? [] : [pciAddress(place)]),
  ]);
}

function tpmElement(model: string): string[] {
  return element('tpm', { model }, [element('backend', { type: 'emulator', version: '2.0' })]);
}

/** 1, 2, 3 …: libvirt requires unique numbers. */
export function bootOrders(disks: readonly DomainDisk[]): number[] {
  const wanted = disks.map(({ bootOrder }) => bootOrder ?? Number.MAX_VALUE);
  const ranked = [...disks.keys()].toSorted((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0));
  return disks.map((_disk, index) => ranked.indexOf(index) + 1);
}

const PREFIXES = { sata: 'sd', scsi: 'sd', virtio: 'vd', ide: 'hd' } as const;

/**
 * `sda`, `sdb`, … `sdz`, `sdaa`: counted separately per prefix, because libvirt derives the place on the bus from the
 * name.
 */
function targetNames(buses: readonly DiskBus[]): string[] {
  const counts = new Map<string, number>();
  return buses.map((bus) => {
    const prefix = PREFIXES[bus];
    const index = counts.get(prefix) ?? 0;
    counts.set(prefix, index + 1);
    return prefix + letters(index);
  });
}

function letters(index: number): string {
  const last = String.fromCharCode(0x61 + (index % 26));
  return index < 26 ? last : letters(Math.floor(index / 26) - 1) + last;
}
