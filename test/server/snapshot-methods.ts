import { setTimeout } from 'node:timers/promises';
import { faultOf, VimFault } from './fault.ts';
import { requirePrivilege, type SoapCall, type SoapMethod } from './soap-call.ts';
import type { Value } from './value.ts';
import type { VirtualMachine } from './virtual-machine.ts';
import { fileLocked, ownerOf, requireEnabled, requireNoLease, snapshotOf, vmOf, vmTask } from './vm-call.ts';

/** Methods for snapshots and the disk files that they leave. */
export const SNAPSHOT_METHODS = {
  CreateSnapshot_Task: (call) => createSnapshot(call, call.args.boolean('quiesce')),

  CreateSnapshotEx_Task: (call) => createSnapshot(call, call.args.objects('quiesceSpec').length > 0),

  RemoveSnapshot_Task(call) {
    requirePrivilege(call, 'VirtualMachine.State.RemoveSnapshot');
    const snapshot = snapshotOf(call);
    const vm = ownerOf(call, snapshot);
    return vmTask(call, vm, async () => {
      requireNoLease(vm);
      vm.removeSnapshot(snapshot, call.args.boolean('removeChildren'));
      await mergeAfterRemoval(call, vm);
    });
  },

  RemoveAllSnapshots_Task(call) {
    requirePrivilege(call, 'VirtualMachine.State.RemoveSnapshot');
    const vm = vmOf(call);
    return vmTask(call, vm, async () => {
      requireNoLease(vm);
      vm.removeAllSnapshots();
      await mergeAfterRemoval(call, vm);
    });
  },

  RevertToSnapshot_Task(call) {
    requirePrivilege(call, 'VirtualMachine.State.RevertToSnapshot');
    const snapshot = snapshotOf(call);
    const vm = ownerOf(call, snapshot);
    return vmTask(call, vm, () => {
      requireNoLease(vm);
      vm.revertTo(snapshot);
    });
  },

  ConsolidateVMDisks_Task(call) {
    requirePrivilege(call, 'VirtualMachine.State.RemoveSnapshot');
    const vm = vmOf(call);
    return vmTask(call, vm, async () => {
      requireNoLease(vm);
      const fault = call.service.faults.take('consolidation', [vm.displayName], ({ action }) => action === 'locked');
      if (fault !== undefined || isHeld(call, vm)) throw fileLocked(vm);
      await merge(vm);
    });
  },
} satisfies Record<string, SoapMethod>;

function createSnapshot(call: SoapCall, quiesce: boolean): Value {
  const vm = vmOf(call);
  const { service, args } = call;
  requirePrivilege(call, 'VirtualMachine.State.CreateSnapshot');
  requireEnabled(vm);
  if (vm.options.template === true) throw faultOf('NotSupported');
  return vmTask(call, vm, () => {
    if (vm.storage.isChainFull) throw faultOf('TooManySnapshotLevels');
    const isShared = ({ options }: { options: { multiWriter?: boolean; sharedBus?: string } }) =>
      options.multiWriter === true || options.sharedBus !== undefined;
    if (vm.disks.some((disk) => disk.isInSnapshots && isShared(disk))) throw faultOf('SnapshotIncompatibleDeviceInVm');
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

/** Merges the files that no snapshot holds any more, unless the host cannot or a fault prevents it. */
async function mergeAfterRemoval(call: SoapCall, vm: VirtualMachine): Promise<void> {
  const fault = call.service.faults.take('consolidation', [vm.displayName]);
  if (vm.options.snapshotRemoval !== 'needs-consolidation' && fault === undefined && !isHeld(call, vm))
    return merge(vm);
  vm.leaveUnconsolidated();
  if (fault?.action === 'locked') throw fileLocked(vm);
}

/** Takes as long as the VM's options say. Meanwhile, the guest writes on, but other tasks are refused. */
async function merge(vm: VirtualMachine): Promise<void> {
  const { consolidationMs = 0 } = vm.options;
  if (consolidationMs > 0) {
    vm.isMerging = true;
    await setTimeout(consolidationMs, undefined, { ref: false });
    vm.isMerging = false;
  }
  vm.consolidate();
}

/** Whether the NFC service has files of the VM open. Until they are closed, the host cannot merge them. */
function isHeld({ service }: SoapCall, vm: VirtualMachine): boolean {
  return service.nfc?.holdsFilesOf(vm) === true;
}
