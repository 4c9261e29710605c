import type { OvfElement } from './envelope.ts';

/**
 * The sections of that name. OVF 1.0 gave each kind an element of its own; OVF 0.9 before it, and oVirt to this day, write `Section` with the kind
 * as its type (`xsi:type="ovf:DiskSection_Type"`).
 */
export function sectionsOf(parent: OvfElement, name: string): OvfElement[] {
  const typed = parent.children('Section').filter((section) => section.typeName() === `${name}_Type`);
  return [...parent.children(name), ...typed];
}

/** A virtual machine of a descriptor. */
export interface FoundSystem {
  system: OvfElement;
  /** The envelope and the collections that it is in, the outermost first. */
  around: readonly OvfElement[];
}

/** All virtual machines. Collections may hold collections; real ones go two deep, and the parser takes no more than 100. */
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

/** The elements of a machine's devices, of all its configurations. */
export function hardwareItems(system: OvfElement): OvfElement[] {
  const hardware = sectionsOf(system, 'VirtualHardwareSection')[0];
  return ['Item', 'StorageItem', 'EthernetPortItem'].flatMap((name) => hardware?.children(name) ?? []);
}

/** A whole number of at most 15 digits, which JavaScript holds exactly; undefined for anything else. */
export function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text.trim()) ? Number(text) : undefined;
}
