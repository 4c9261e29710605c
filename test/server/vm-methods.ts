import { faultOf, VimFault } from './fault.ts';
import { HttpNfcLease } from './http-nfc-lease.ts';
import { requirePrivilege, type SoapCall, type SoapMethod } from './soap-call.ts';
import type { RequestObject } from './request-arguments.ts';
import { startTask } from './task.ts';
import { enumOf, MoRef, type Value } from './value.ts';
import { VirtualMachine } from './virtual-machine.ts';
import { CD_DRIVE_KEY } from './vm-hardware.ts';
import { VmSnapshot } from './vm-snapshot.ts';

/** Methods for power and snapshots, and the two calls that open a lease. */
export const VM_METHODS = {
  ExportVm(call) {
    const vm = vmOf(call);
    requirePrivilege(call, 'VApp.Export');
    requirePowerState(vm, 'poweredOff');
    return openLease(call, vm, undefined);
  },

  ExportSnapshot(call) {
    requirePrivilege(call, 'VApp.Export');
    const snapshot = snapshotOf(call);
    return openLease(call, ownerOf(call, snapshot), snapshot);
  },

  PowerOnVM_Task(call) {
    const vm = vmOf(call);
    requirePrivilege(call, 'VirtualMachine.Interact.PowerOn');
    requireNoLease(vm);
    if (vm.options.template === true) throw faultOf('NotSupported');
    if (vm.powerState === 'poweredOn') requirePowerState(vm, 'poweredOff');
    return vmTask(call, vm, () => {
      requireNoLease(vm);
      vm.setPowerState('poweredOn');
    });
  },

  PowerOffVM_Task(call) {
    const vm = vmOf(call);
    requirePrivilege(call, 'VirtualMachine.Interact.PowerOff');
    requireEnabled(vm);
    if (vm.powerState === 'poweredOff') requirePowerState(vm, 'poweredOn');
    return vmTask(call, vm, () => vm.setPowerState('poweredOff'));
  },

  ShutdownGuest(call) {
    const vm = vmOf(call);
    requirePrivilege(call, 'VirtualMachine.Interact.PowerOff');
    requirePowerState(vm, 'poweredOn');
    if (!vm.toolsRunning) throw faultOf('ToolsUnavailable');
    const plan = vm.options.shutdown ?? { afterMs: 50 };
    if (plan !== 'never') setTimeout(() => vm.setPowerState('poweredOff'), plan.afterMs).unref();
    return undefined;
  },

  ReconfigVM_Task(call) {
    const vm = vmOf(call);
    requirePrivilege(call, 'VirtualMachine.Config.AddRemoveDevice');
    requireNoLease(vm);
    const changes = call.args.objects('spec').flatMap((spec) => spec.objects('deviceChange'));
    return vmTask(call, vm, () => {
      for (const change of changes) changeDevice(vm, change);
    });
  },

  CreateSnapshot_Task: (call) => createSnapshot(call, call.args.boolean('quiesce')),

  CreateSnapshotEx_Task: (call) => createSnapshot(call, call.args.objects('quiesceSpec').length > 0),

  RemoveSnapshot_Task(call) {
    requirePrivilege(call, 'VirtualMachine.State.RemoveSnapshot');
    const snapshot = snapshotOf(call);
    const vm = ownerOf(call, snapshot);
    return vmTask(call, vm, () => {
      requireNoLease(vm);
      vm.removeSnapshot(snapshot, call.args.boolean('removeChildren'));
      if (vm.options.snapshotRemoval === 'needs-consolidation' || isHeld(call, vm)) vm.leaveUnconsolidated();
      else vm.consolidate();
    });
  },

  ConsolidateVMDisks_Task(call) {
    requirePrivilege(call, 'VirtualMachine.State.RemoveSnapshot');
    const vm = vmOf(call);
    return vmTask(call, vm, () => {
      requireNoLease(vm);
      if (isHeld(call, vm)) throw fileLocked(vm);
      vm.consolidate();
    });
  },

  CancelTask() {
    throw faultOf('NotSupported');
  },
} satisfies Record<string, SoapMethod>;

/** Applies the only supported change: removing the CD drive. Its IDE bus allows this only while the VM is powered off. */
function changeDevice(vm: VirtualMachine, change: RequestObject): void {
  const [device] = change.objects('device');
  const isDrive = vm.iso !== undefined && device?.number('key') === CD_DRIVE_KEY;
  if (change.string('operation') !== 'remove' || !isDrive) throw faultOf('InvalidDeviceSpec');
  requirePowerState(vm, 'poweredOff');
  vm.removeCdDrive();
}

function createSnapshot(call: SoapCall, quiesce: boolean): Value {
  const vm = vmOf(call);
  const { service, args } = call;
  requirePrivilege(call, 'VirtualMachine.State.CreateSnapshot');
  requireEnabled(vm);
  if (vm.options.template === true) throw faultOf('NotSupported');
  return vmTask(call, vm, () => {
    if (vm.storage.isChainFull) throw faultOf('TooManySnapshotLevels', { maximumLevels: 32 });
    const manner = vm.options.quiesce ?? 'works';
    if (quiesce && manner === 'fails') {
      const message =
        "An error occurred while quiescing the virtual machine. See the virtual machine's event log for details.";
      throw new VimFault('ApplicationQuiesceFault', message);
    }
    // Without running VMware Tools, the request to quiesce is silently ignored, as on a real host.
    const quiesced = quiesce && manner === 'works' && vm.toolsRunning;
    return vm.addSnapshot(args.string('name'), args.string('description'), quiesced, service.now()).ref;
  });
}

function openLease(call: SoapCall, vm: VirtualMachine, snapshot: VmSnapshot | undefined): MoRef {
  requireEnabled(vm);
  requireNoLease(vm);
  if (vm.isBusy('TaskInProgress')) throw taskInProgress(vm);
  if (vm.iso !== undefined && vm.options.isoMissing === true) {
    throw new VimFault('FileNotFound', `File ${vm.iso} was not found`, { file: vm.iso });
  }
  const { encrypted, virtualTpm } = vm.options;
  const mapped = vm.disks.some((disk) => disk.options.rawDeviceMapping !== undefined);
  if (encrypted === true || virtualTpm === true || mapped) throw faultOf('NotSupported');
  const lease = new HttpNfcLease(call.service, vm, snapshot);
  call.service.leases.push(lease);
  if (call.service.options.leasesEndWithSession) {
    call.session.ended.addEventListener('abort', () => lease.endWithSession());
  }
  return call.service.objects.add(lease).ref;
}

function vmTask(call: SoapCall, entity: VirtualMachine, work: () => Value | void): MoRef {
  if (entity.isBusy('TaskInProgress')) throw taskInProgress(entity);
  const about = { method: call.method, entity, userName: call.session.userName ?? '' };
  return startTask(call.service, about, () => {
    if (entity.isBusy('FileLocked')) throw fileLocked(entity);
    return work() ?? undefined;
  });
}

/** @throws a fault if an open lease locks the VM */
function requireNoLease(vm: VirtualMachine): void {
  if (vm.openLease !== undefined) throw taskInProgress(vm);
}

function taskInProgress(vm: VirtualMachine): VimFault {
  return faultOf('TaskInProgress', { task: new MoRef('Task', `task-${vm.ref.value}-export`) });
}

/** Whether the NFC service has files of the VM open. Until they are closed, the host cannot merge them. */
function isHeld({ service }: SoapCall, vm: VirtualMachine): boolean {
  return service.nfc?.holdsFilesOf(vm) === true;
}

function fileLocked(vm: VirtualMachine): VimFault {
  const file = `[${vm.datacenter.datastore.name}] ${vm.name}/${vm.name}.vmdk`;
  return new VimFault('FileLocked', `Unable to access file ${file} since it is locked`, { file });
}

function requirePowerState(vm: VirtualMachine, wanted: 'poweredOn' | 'poweredOff'): void {
  if (vm.powerState === wanted) return;
  const words = { poweredOn: 'Powered on', poweredOff: 'Powered off', suspended: 'Suspended' };
  const message = `The attempted operation cannot be performed in the current state (${words[vm.powerState]}).`;
  throw new VimFault('InvalidPowerState', message, {
    requestedState: enumOf('VirtualMachinePowerState', wanted),
    existingState: enumOf('VirtualMachinePowerState', vm.powerState),
  });
}

/** @throws a fault for a VM that vCenter manages itself */
function requireEnabled(vm: VirtualMachine): void {
  if (vm.options.managedBy?.type !== 'cluster-agent') return;
  throw new VimFault('MethodDisabled', 'The method is disabled by vCenter Server.', {
    source: vm.options.managedBy.extensionKey,
  });
}

function vmOf({ target }: SoapCall): VirtualMachine {
  if (target instanceof VirtualMachine) return target;
  throw faultOf('NotSupported');
}

function snapshotOf({ target }: SoapCall): VmSnapshot {
  if (target instanceof VmSnapshot) return target;
  throw faultOf('NotSupported');
}

function ownerOf({ service }: SoapCall, snapshot: VmSnapshot): VirtualMachine {
  const owner = service.objects.get(snapshot.vmRef);
  if (owner instanceof VirtualMachine) return owner;
  throw faultOf('NotSupported');
}
