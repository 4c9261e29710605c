import type { OvfElement } from './envelope.ts';

/**
 * Returns the sections of that name. OVF 1.0 has an element for each kind. OVF 0.9, and oVirt to this day, use
 * `Section` elements whose type is the kind (`xsi:type="ovf:DiskSection_Type"`).
 */
export function sectionsOf(parent: OvfElement, name: string): OvfElement[] {
  const typed = parent.children('Section').filter((section) => section.typeName() === `${name}_Type`);
  return [...parent.children(name), ...typed];
}

/** A VM in a descriptor. */
export interface FoundSystem {
  system: OvfElement;
  /** The envelope and the collections that contain the VM, outermost first. */
  around: readonly OvfElement[];
}

/** Returns all VMs. Collections can be nested: real ones have two levels, and the parser accepts at most 100. */
export function systemsOf(parent: OvfElement, outer: readonly OvfElement[] = []): FoundSystem[] {
  const typed = parent.children('Content');
  const around = [...outer, parent];
  return [
    ...[
      ...parent.children('VirtualSystem'),
      ...typed.filter((content) => content.typeName() === 'VirtualSystem_Type'),
    ].map((system) => ({ system, around })),
    ...[
      ...parent.children('VirtualSystemCollection'),
      ...typed.filter((content) => content.typeName() === 'VirtualSystemCollection_Type'),
    ].flatMap((collection) => systemsOf(collection, around)),
  ];
}

/** Returns the elements of the VM's devices, in all its configurations. */
export function hardwareItems(system: OvfElement): OvfElement[] {
  const hardware = sectionsOf(system, 'VirtualHardwareSection')[0];
  return ['Item', 'StorageItem', 'EthernetPortItem'].flatMap((name) => hardware?.children(name) ?? []);
}

/** Parses an integer of at most 15 digits, which JavaScript represents exactly. Undefined for anything else. */
export function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text.trim()) ? Number(text) : undefined;
}
