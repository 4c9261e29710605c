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

/** The configuration of one VM from an OVF descriptor, as VMware, VirtualBox and oVirt write it. */
export interface OvfFacts extends Omit<VmConfig, 'disks' | 'cdRoms'> {
  /** Free-text description of the guest operating system. */
  guestText: string | undefined;
  /** VirtualBox's name for the CPU architecture: `x86`, `ARM`. */
  platform: string | undefined;
  /**
   * One for each drive that contains a disk, ordered by controller and address. Disks on an unknown controller come
   * last.
   */
  disks: OvfDisk[];
  cdRoms: OvfCdRom[];
  /** All files in the descriptor, in its order: disks, images, NVRAM. */
  files: OvfFile[];
  /** Warnings about problems and omissions, as sentences. */
  warnings: string[];
}

/**
 * Reads one VM from an OVF descriptor (DSP0243, versions 0.9 to 2.1); `label` identifies the descriptor in errors. The
 * VM can be in a collection, as vCloud writes it. `choice` selects one of several VMs, and a deployment configuration
 * other than the default.
 * @throws Hyper2kvmError kind `image`, or `not-found` for an unknown VM or configuration.
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

/**
 * Returns the instance IDs of the boot devices in VMware's boot order (`vmw:BootOrderSection`). Empty if the order is
 * left to the firmware.
 */
function readBootOrder(system: OvfElement): string[] {
  return system
    .children('BootOrderSection', 'vmw')
    .flatMap((section) => section.attribute('instanceId', 'vmw') ?? [])
    .slice(0, 100)
    .map((id) => id.trim());
}
