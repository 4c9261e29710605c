import type { Fields, MoRef } from './value.ts';

/** Something on the server that a reference points to. */
export abstract class ManagedObject {
  readonly ref: MoRef;

  constructor(ref: MoRef) {
    this.ref = ref;
  }

  /** Every property that the kind of object has here; undefined ones are known but unset. */
  abstract properties(): Fields;
}

/** An object that only carries fixed properties, such as the managers of the service content. */
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

/** Whether objects of `type` are also ones of `base`. */
export function isKindOf(type: string, base: string): boolean {
  return type === base || base === 'ManagedObject' || (BASE_TYPES[type] ?? []).includes(base);
}
