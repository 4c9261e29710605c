import { faultOf, VimFault } from './fault.ts';
import type { SoapCall } from './soap-call.ts';
import { startTask } from './task.ts';
import { enumOf, MoRef, type Value } from './value.ts';
import { VirtualMachine } from './virtual-machine.ts';
import { VmSnapshot } from './vm-snapshot.ts';

/** Starts a task on a VM. */
export function vmTask(call: SoapCall, vm: VirtualMachine, work: () => Value | void | Promise<void>): MoRef {
  requireIdle(vm);
  const about = { method: call.method, entity: vm, userName: call.session.userName ?? '' };
  return startTask(call.service, about, async () => {
    if (vm.isBusy('FileLocked')) throw fileLocked(vm);
    return (await work()) ?? undefined;
  });
}

/** @throws a fault while the disk files of the VM are merged, or for a while after a lease */
export function requireIdle(vm: VirtualMachine): void {
  if (vm.isMerging || vm.isBusy('TaskInProgress')) throw taskInProgress(vm);
}

/** @throws a fault if an open lease locks the VM */
export function requireNoLease(vm: VirtualMachine): void {
  if (vm.openLease !== undefined) throw taskInProgress(vm);
}

function taskInProgress(vm: VirtualMachine): VimFault {
  return faultOf('TaskInProgress', { task: new MoRef('Task', `task-${vm.ref.value}-export`) });
}

export function fileLocked(vm: VirtualMachine): VimFault {
  const file = `[${vm.datacenter.datastore.name}] ${vm.name}/${vm.name}.vmdk`;
  return new VimFault('FileLocked', `Unable to access file ${file} since it is locked`, { file });
}

export function requirePowerState(vm: VirtualMachine, wanted: 'poweredOn' | 'poweredOff'): void {
  if (vm.powerState === wanted) return;
  const words = { poweredOn: 'Powered on', poweredOff: 'Powered off', suspended: 'Suspended' };
  const message = `The attempted operation cannot be performed in the current state (${words[vm.powerState]}).`;
  throw new VimFault('InvalidPowerState', message, {
    requestedState: enumOf('VirtualMachinePowerState', wanted),
    existingState: enumOf('VirtualMachinePowerState', vm.powerState),
  });
}

/** @throws a fault for a VM that vCenter manages itself */
export function requireEnabled(vm: VirtualMachine): void {
  if (vm.options.managedBy?.type !== 'cluster-agent') return;
  throw new VimFault('MethodDisabled', 'The method is disabled by vCenter Server.', {
    source: vm.options.managedBy.extensionKey,
  });
}

export function vmOf({ target }: SoapCall): VirtualMachine {
  if (target instanceof VirtualMachine) return target;
  throw faultOf('NotSupported');
}

export function snapshotOf({ target }: SoapCall): VmSnapshot {
  if (target instanceof VmSnapshot) return target;
  throw faultOf('NotSupported');
}

export function ownerOf({ service }: SoapCall, snapshot: VmSnapshot): VirtualMachine {
  const owner = service.objects.get(snapshot.vmRef);
  if (owner instanceof VirtualMachine) return owner;
  throw faultOf('NotSupported');
}
