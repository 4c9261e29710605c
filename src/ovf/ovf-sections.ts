import type { OvfElement, RefuseDescriptor } from './ovf-envelope.ts';

/**
 * The sections of that name. OVF 1.0 gave each kind an element of its own; OVF 0.9 before it, and oVirt to this day, write `Section` with the kind
 * as its type (`xsi:type="ovf:DiskSection_Type"`).
 */
export function sectionsOf(parent: OvfElement, name: string): OvfElement[] {
  const typed = parent.children('Section').filter((section) => section.typeName() === `${name}_Type`);
  return [...parent.children(name), ...typed];
}

/** Collections may hold collections; real ones go two deep, and the parser takes no more than 100. */
function systemsOf(parent: OvfElement): OvfElement[] {
  const typed = parent.children('Content');
  return [
    ...parent.children('VirtualSystem'),
    ...typed.filter((content) => content.typeName() === 'VirtualSystem_Type'),
    ...[
      ...parent.children('VirtualSystemCollection'),
      ...typed.filter((content) => content.typeName() === 'VirtualSystemCollection_Type'),
    ].flatMap(systemsOf),
  ];
}

/** The one virtual machine of a descriptor. */
export function findSystem(envelope: OvfElement, refuse: RefuseDescriptor): OvfElement {
  const [system, ...others] = systemsOf(envelope);
  if (system === undefined) return refuse('it describes no virtual machine');
  if (others.length > 0) {
    const names = [system, ...others].slice(0, 10).map((each) => JSON.stringify(each.attribute('id') ?? ''));
    refuse(`it describes ${others.length + 1} virtual machines (${names.join(', ')}), and only one can be converted`);
  }
  return system;
}

/** A whole number of at most 15 digits, which JavaScript holds exactly; undefined for anything else. */
export function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text.trim()) ? Number(text) : undefined;
}
