import type { DiskState } from './disks/vm-disk.ts';
import { ManagedObject } from './managed-object.ts';
import type { PowerState } from './options.ts';
import { arrayOf, data, enumOf, MoRef, refs, type DataObject, type Fields } from './value.ts';

/** The VM state that a snapshot stores. */
export interface SnapshotFacts {
  id: number;
  name: string;
  description: string;
  quiesced: boolean;
  createTime: Date;
  powerState: PowerState;
}

/** A snapshot in the snapshot tree of its VM. */
export class VmSnapshot extends ManagedObject {
  readonly facts: SnapshotFacts;
  readonly vmRef: MoRef;
  /** The disks when the snapshot was made. */
  readonly disks: readonly DiskState[];
  parent: VmSnapshot | undefined;
  readonly children: VmSnapshot[] = [];
  readonly #config: () => DataObject;

  constructor(
    vmRef: MoRef,
    parent: VmSnapshot | undefined,
    facts: SnapshotFacts,
    disks: readonly DiskState[],
    config: () => DataObject,
  ) {
    super(new MoRef('VirtualMachineSnapshot', snapshotId(vmRef, facts.id)));
    this.facts = facts;
    this.vmRef = vmRef;
    this.disks = disks;
    this.parent = parent;
    this.#config = config;
    parent?.children.push(this);
  }

  /** Number of snapshots from the root to this one, inclusive. */
  get depth(): number {
    return (this.parent?.depth ?? 0) + 1;
  }

  properties(): Fields {
    return {
      value: arrayOf('CustomFieldValue', []),
      availableField: arrayOf('CustomFieldDef', []),
      config: this.#config(),
      childSnapshot: refs(this.children.map((child) => child.ref)),
      vm: this.vmRef,
    };
  }

  /** Returns the entry of this snapshot in `snapshot.rootSnapshotList`. */
  toTree(): DataObject {
    return data('VirtualMachineSnapshotTree', {
      snapshot: this.ref,
      vm: this.vmRef,
      name: this.facts.name,
      description: this.facts.description,
      id: this.facts.id,
      createTime: this.facts.createTime,
      state: enumOf('VirtualMachinePowerState', this.facts.powerState),
      quiesced: this.facts.quiesced,
      childSnapshotList: arrayOf(
        'VirtualMachineSnapshotTree',
        this.children.map((child) => child.toTree()),
      ),
      replaySupported: false,
    });
  }
}

/** A vCenter numbers snapshots across all VMs. A host prefixes the VM's number. */
function snapshotId(vm: MoRef, id: number): string {
  return vm.value.startsWith('vm-') ? `snapshot-${id}` : `${vm.value}-snapshot-${id}`;
}
