import type { VmConfig } from '../../base/vm-config.ts';
import { Hyper2kvmError } from '../../base/errors.ts';
import { chooseConfiguration, chooseSystem, nameOf, type OvfChoice } from '../descriptor/choice.ts';
import { attachDisks, readCdRoms, type OvfCdRom, type OvfDisk } from './disks.ts';
import { parseEnvelope, type OvfElement, type RefuseDescriptor } from '../descriptor/envelope.ts';
import { readFirmware } from './firmware.ts';
import { readItems } from '../descriptor/items.ts';
import { readMemoryBytes, readProcessors } from './machine.ts';
import { readNics } from './nics.ts';
import { Properties } from '../descriptor/properties.ts';
import { readReferences, type OvfFile } from '../descriptor/references.ts';
import { sectionsOf } from '../descriptor/sections.ts';

/** What an OVF descriptor says about one virtual machine, as VMware, VirtualBox and oVirt write it. */
export interface OvfFacts extends Omit<VmConfig, 'disks' | 'cdRoms'> {
  /** The guest's system in words. */
  guestText: string | undefined;
  /** VirtualBox's word for the processor: `x86`, `ARM`. */
  platform: string | undefined;
  /** One for each drive that holds a disk, by controller and address; those on no known controller come last. */
  disks: OvfDisk[];
  cdRoms: OvfCdRom[];
  /** All files of the package that the descriptor names, in its order: disks, images, NVRAM. */
  files: OvfFile[];
  /** Sentences about what is wrong or left out. */
  warnings: string[];
}

/**
 * Reads an OVF descriptor (DSP0243, versions 0.9 to 2.1); `label` names it in errors. One virtual machine is read, which may be within a
 * collection, as vCloud writes it: of several `choice` names one, and of several deployment configurations too, where it is not the default. Throws kind
 * `image`, and `not-found` for a name that is not there.
 */
export function readOvf(text: string, label: string, choice: OvfChoice = {}): OvfFacts {
  const refuse: RefuseDescriptor = (
    what,
    hint = 'Export the virtual machine again, or convert its disk files one by one.',
  ) => {
    throw new Hyper2kvmError('image', `The OVF descriptor ${label} cannot be used: ${what}.`, { hint });
  };
  const envelope = parseEnvelope(text, refuse);
  const { system, around } = chooseSystem(envelope, choice.vm, label, refuse);
  const configuration = chooseConfiguration(envelope, choice.configuration, label);
  const hardware = sectionsOf(system, 'VirtualHardwareSection')[0];
  const machine = system.children('Machine', 'vbox')[0];
  const files = readReferences(envelope, refuse);
  const { items, ofOthers } = readItems(system, configuration, refuse);
  const properties = new Properties([...around, system], configuration);
  const bootOrder = readBootOrder(system);
  const { disks, warnings } = attachDisks({ envelope, items, ofOthers, files, properties, bootOrder }, refuse);
  return {
    name: nameOf(system),
    uuid: uuidOf(machine),
    ...guestOf(system),
    platform: machine?.children('Platform')[0]?.attribute('architecture', 'vbox'),
    memoryBytes: readMemoryBytes(items, refuse),
    ...readProcessors(items, refuse),
    ...readFirmware(system, hardware, machine, items),
    disks,
    nics: readNics(items, machine),
    cdRoms: readCdRoms(items, files, refuse),
    files,
    warnings,
  };
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

/** The instance IDs of the devices that VMware boots from, in order (`vmw:BootOrderSection`); empty when it is left to the firmware. */
function readBootOrder(system: OvfElement): string[] {
  return system
    .children('BootOrderSection', 'vmw')
    .flatMap((section) => section.attribute('instanceId', 'vmw') ?? [])
    .slice(0, 100)
    .map((id) => id.trim());
}
