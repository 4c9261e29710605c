import { Hyper2kvmError } from '../base/errors.ts';
import { readBootOrder } from './ovf-boot-order.ts';
import { attachDisks, readCdRoms, type OvfCdRom, type OvfDisk } from './ovf-disks.ts';
import { parseEnvelope, type OvfElement, type RefuseDescriptor } from './ovf-envelope.ts';
import { readFirmware, type OvfFirmware } from './ovf-firmware.ts';
import { readItems, type OvfItem } from './ovf-items.ts';
import { readMemoryBytes, readProcessors, type OvfProcessors } from './ovf-machine.ts';
import { readNics, type OvfNic } from './ovf-nics.ts';
import { readReferences, type OvfFile } from './ovf-references.ts';
import { findSystem, sectionsOf } from './ovf-sections.ts';

/** What an OVF descriptor says about its one virtual machine, as VMware, VirtualBox and oVirt write it. */
export interface OvfFacts extends OvfProcessors, OvfFirmware {
  /** Any text: as the person who made the machine named it. */
  name: string;
  /** Only VirtualBox tells it: lower case, with dashes. */
  uuid: string | undefined;
  /** VMware's id of the guest's system (`debian12_64Guest`), or VirtualBox's (`Debian_64`). */
  guestId: string | undefined;
  /** The guest's system in words. */
  guestText: string | undefined;
  /** Undefined where the descriptor does not tell. */
  memoryBytes: number | undefined;
  /** By controller and address; those that no controller holds come last. */
  disks: OvfDisk[];
  nics: OvfNic[];
  cdRoms: OvfCdRom[];
  /** All files of the package that the descriptor names, in its order: disks, images, NVRAM. */
  files: OvfFile[];
}

/**
 * Reads an OVF descriptor (DSP0243, versions 0.9 to 2.1); `label` names it in errors. It must hold one virtual machine: one within a
 * collection, as vCloud writes it, is taken; several are refused with their names, since a domain is made of one. Of several deployment
 * options the default one counts. Throws kind `image`.
 */
export function readOvf(text: string, label: string): OvfFacts {
  const refuse: RefuseDescriptor = (what) => {
    throw new Hyper2kvmError('image', `The OVF descriptor ${label} cannot be used: ${what}.`, {
      hint: 'Export the virtual machine again, or convert its disk files one by one.',
    });
  };
  const envelope = parseEnvelope(text, refuse);
  const system = findSystem(envelope, refuse);
  const hardware = sectionsOf(system, 'VirtualHardwareSection')[0];
  const machine = system.children('Machine', 'vbox')[0];
  const files = readReferences(envelope, refuse);
  const items = hardware === undefined ? [] : readItems(envelope, hardware, refuse);
  return {
    name: nameOf(system, hardware),
    uuid: uuidOf(machine),
    ...guestOf(system),
    memoryBytes: readMemoryBytes(items, refuse),
    ...readProcessors(items, refuse),
    ...readFirmware(system, hardware, machine, items),
    disks: disksOf(envelope, system, items, files, refuse),
    nics: readNics(items, machine),
    cdRoms: readCdRoms(items, files, refuse),
    files,
  };
}

function disksOf(
  envelope: OvfElement,
  system: OvfElement,
  items: readonly OvfItem[],
  files: readonly OvfFile[],
  refuse: RefuseDescriptor,
): OvfDisk[] {
  return attachDisks({ envelope, items, files, bootOrder: readBootOrder(system) }, refuse);
}

/** `Name` is optional, and VirtualBox leaves it out; the id is required. */
function nameOf(system: OvfElement, hardware: OvfElement | undefined): string {
  const identifiers = hardware?.children('System').flatMap((each) => each.children('VirtualSystemIdentifier', 'vssd'));
  const candidates = [
    system.children('Name')[0]?.text(),
    system.attribute('id'),
    ...(identifiers ?? []).map((each) => each.text()),
  ];
  return candidates.find((name) => name !== undefined && name !== '') ?? '';
}

function uuidOf(machine: OvfElement | undefined): string | undefined {
  const uuid = machine?.attribute('uuid', 'vbox')?.replace(/^\{|\}$/g, '');
  return uuid !== undefined && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(uuid)
    ? uuid.toLowerCase()
    : undefined;
}

function guestOf(system: OvfElement): Pick<OvfFacts, 'guestId' | 'guestText'> {
  const section = sectionsOf(system, 'OperatingSystemSection')[0];
  const vbox = section?.children('OSType', 'vbox')[0]?.text();
  return {
    guestId: section?.attribute('osType', 'vmw') ?? (vbox || undefined),
    guestText: section?.children('Description')[0]?.text() || undefined,
  };
}
