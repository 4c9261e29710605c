import { ManagedObject } from './managed-object.ts';
import type { PowerState } from './options.ts';
import { arrayOf, data, enumOf, MoRef, refs, type DataObject, type Fields } from './value.ts';

/** What a snapshot holds on to. */
export interface SnapshotFacts {
  id: number;
  name: string;
  description: string;
  quiesced: boolean;
  createTime: Date;
  powerState: PowerState;
}

/** One snapshot of a VM, in the tree of its VM's snapshots. */
export class VmSnapshot extends ManagedObject {
  readonly facts: SnapshotFacts;
  readonly vmRef: MoRef;
  parent: VmSnapshot | undefined;
  readonly children: VmSnapshot[] = [];
  readonly #config: () => DataObject;

  constructor(vmRef: MoRef, parent: VmSnapshot | undefined, facts: SnapshotFacts, config: () => DataObject) {
    super(new MoRef('VirtualMachineSnapshot', snapshotId(vmRef, facts.id)));
    this.facts = facts;
    this.vmRef = vmRef;
    this.parent = parent;
    this.#config = config;
    parent?.children.push(this);
  }

  /** How many snapshots lead to this one, itself included. */
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

  /** This snapshot's entry in `snapshot.rootSnapshotList`. */
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

/** A vCenter numbers snapshots over all VMs, a host puts the VM's number in front. */
function snapshotId(vm: MoRef, id: number): string {
  return vm.value.startsWith('vm-') ? `snapshot-${id}` : `${vm.value}-snapshot-${id}`;
}
