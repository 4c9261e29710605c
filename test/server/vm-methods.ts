import { faultOf, VimFault } from './fault.ts';
import { HttpNfcLease } from './http-nfc-lease.ts';
import { requirePrivilege, type SoapCall, type SoapMethod } from './soap-call.ts';
import type { RequestObject } from './request-arguments.ts';
import type { MoRef } from './value.ts';
import type { VirtualMachine } from './virtual-machine.ts';
import {
  ownerOf,
  requireEnabled,
  requireIdle,
  requireNoLease,
  requirePowerState,
  snapshotOf,
  vmOf,
  vmTask,
} from './vm-call.ts';
import { CD_DRIVE_KEY } from './vm-hardware.ts';
import type { VmSnapshot } from './vm-snapshot.ts';

/** Methods for power and the configuration, and the two calls that open a lease. */
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
    const plan = vm.shutdown;
    if (plan !== 'never') setTimeout(() => vm.setPowerState('poweredOff'), plan.afterMs).unref();
    return undefined;
  },

  ReconfigVM_Task(call) {
    const vm = vmOf(call);
    const specs = call.args.objects('spec');
    const changes = specs.flatMap((spec) => spec.objects('deviceChange'));
    const tracking = specs[0]?.optionalBoolean('changeTrackingEnabled');
    if (tracking !== undefined) requirePrivilege(call, 'VirtualMachine.Config.ChangeTracking');
    if (tracking === undefined || changes.length > 0) requirePrivilege(call, 'VirtualMachine.Config.AddRemoveDevice');
    requireNoLease(vm);
    return vmTask(call, vm, () => {
      for (const change of changes) changeDevice(vm, change);
      if (tracking !== undefined) changeTracking(vm, tracking);
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

function changeTracking(vm: VirtualMachine, isOn: boolean): void {
  if (isOn && !vm.supportsChangeTracking) throw faultOf('NotSupported');
  if (isOn && vm.snapshotRoots.length > 0 && vm.options.changeTracking?.withSnapshots === 'refused') {
    throw faultOf('InvalidState');
  }
  vm.setChangeTracking(isOn);
}

function openLease(call: SoapCall, vm: VirtualMachine, snapshot: VmSnapshot | undefined): MoRef {
  requireEnabled(vm);
  requireNoLease(vm);
  requireIdle(vm);
  if (vm.iso !== undefined && vm.options.isoMissing === true) {
    throw new VimFault('FileNotFound', `File ${vm.iso} was not found`, { file: vm.iso });
  }
  const { encrypted, virtualTpm } = vm.options;
  const { mapped: ofMapped = 'refused' } = vm.options.lease ?? {};
  const mapped = ofMapped === 'refused' && vm.disks.some((disk) => disk.options.rawDeviceMapping !== undefined);
  if (encrypted === true || virtualTpm === true || mapped) throw faultOf('NotSupported');
  const lease = new HttpNfcLease(call.service, vm, snapshot);
  call.service.leases.push(lease);
  if (call.service.options.leasesEndWithSession) {
    call.session.ended.addEventListener('abort', () => lease.endWithSession());
  }
  return call.service.objects.add(lease).ref;
}
