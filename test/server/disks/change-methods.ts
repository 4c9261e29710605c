import type { ByteRange } from '../content-source.ts';
import { faultOf, VimFault } from '../fault.ts';
import { requirePrivilege, type SoapCall, type SoapMethod } from '../soap-call.ts';
import { VirtualMachine } from '../virtual-machine.ts';
import { VmSnapshot } from '../vm-snapshot.ts';
import { noChanges } from './change-tracker.ts';
import { misreport, toDiskChangeInfo, windowAt } from './changed-areas.ts';
import type { DiskState } from './vm-disk.ts';

/** The method that reports which areas of a disk have changed. */
export const CHANGE_METHODS = {
  QueryChangedDiskAreas(call) {
    const { service, target: vm, args } = call;
    if (!(vm instanceof VirtualMachine)) throw faultOf('NotSupported');
    requirePrivilege(call, 'VirtualMachine.Provisioning.DiskRandomRead');
    const snapshot = snapshotOf(call, vm);
    const state = diskOf(vm, snapshot, args.number('deviceKey') ?? 0);
    const { capacityBytes } = state.layer;
    const startOffset = args.number('startOffset') ?? 0;
    if (startOffset < 0 || startOffset >= capacityBytes) throw invalid('startOffset');
    const isAllocated = args.string('changeId') === '*';
    const changes = isAllocated
      ? allocatedAreas(vm, state)
      : state.disk.tracker.changedSince(args.string('changeId'), snapshot && state.changeId, fileOf(state));
    const window = windowAt(changes, startOffset, capacityBytes, service.options.changeWindows);
    const fault = service.faults.take('changed-areas', [vm.displayName], ({ query, action }) => {
      if (query !== undefined && (query === 'allocated') !== isAllocated) return false;
      return action !== 'forget-areas' || window.areas.length > 0;
    });
    if (fault?.action === 'no-changes') throw noChanges(fault.reason, fileOf(state));
    return toDiskChangeInfo(misreport(window, fault, capacityBytes));
  },
} satisfies Record<string, SoapMethod>;

/** Returns the snapshot of a call. Without one, the VM has to be off. */
function snapshotOf({ service, args }: SoapCall, vm: VirtualMachine): VmSnapshot | undefined {
  const ref = args.optionalRef('snapshot');
  if (ref === undefined) {
    const [first] = vm.storage.states();
    if (vm.powerState !== 'poweredOff' && first !== undefined) throw noChanges('cannotGetChanges', fileOf(first));
    return undefined;
  }
  const snapshot = service.objects.get(ref);
  if (!(snapshot instanceof VmSnapshot) || snapshot.vmRef.value !== vm.ref.value) throw invalid('snapshot');
  return snapshot;
}

function diskOf(vm: VirtualMachine, snapshot: VmSnapshot | undefined, key: number): DiskState {
  const state = (snapshot?.disks ?? vm.storage.states()).find(({ disk }) => disk.key === key);
  if (state === undefined) throw invalid('deviceKey');
  return state;
}

/** The answer to the change ID `*`. */
function allocatedAreas(vm: VirtualMachine, { disk, layer, changeId }: DiskState): ByteRange[] {
  const file = disk.fileName(layer);
  if (changeId === '') throw noChanges('noTrack', file);
  switch (vm.options.changeTracking?.allocated ?? 'exact') {
    case 'fault':
      throw noChanges('cannotGetChanges', file);
    case 'whole':
      return [{ offset: 0, length: layer.capacityBytes }];
    case 'exact':
      return disk.tracker.inBlocks(layer.allocated());
  }
}

function fileOf({ disk, layer }: DiskState): string {
  return disk.fileName(layer);
}

function invalid(property: string): VimFault {
  return new VimFault('InvalidArgument', `A specified parameter was not correct: ${property}`, {
    invalidProperty: property,
  });
}
