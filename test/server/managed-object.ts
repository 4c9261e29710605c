import type { Fields, MoRef } from './value.ts';

/** An object on the server that a managed object reference identifies. */
export abstract class ManagedObject {
  readonly ref: MoRef;

  constructor(ref: MoRef) {
    this.ref = ref;
  }

  /** Returns all properties that this type has on the server. Undefined values are known but unset. */
  abstract properties(): Fields;
}

/** An object with fixed properties only, such as the managers in the service content. */
export class PlainObject extends ManagedObject {
  readonly #properties: () => Fields;

  constructor(ref: MoRef, properties: () => Fields = () => ({})) {
    super(ref);
    this.#properties = properties;
  }

  properties(): Fields {
    return this.#properties();
  }
}

const BASE_TYPES: Record<string, readonly string[]> = {
  ClusterComputeResource: ['ComputeResource', 'ManagedEntity'],
  ComputeResource: ['ManagedEntity'],
  ContainerView: ['ManagedObjectView', 'View'],
  Datacenter: ['ManagedEntity'],
  Datastore: ['ManagedEntity'],
  Folder: ['ManagedEntity'],
  HostSystem: ['ManagedEntity'],
  Network: ['ManagedEntity'],
  ResourcePool: ['ManagedEntity'],
  VirtualMachine: ['ManagedEntity'],
};

/** Returns true if `type` is `base` or a subtype of it. */
export function isKindOf(type: string, base: string): boolean {
  return type === base || base === 'ManagedObject' || (BASE_TYPES[type] ?? []).includes(base);
}
