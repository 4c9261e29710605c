import type { DiskState } from './disks/vm-disk.ts';
import type { VirtualMachine } from './virtual-machine.ts';
import { guestNetFields } from './guest-net.ts';
import { arrayOf, data, enumOf, refs, strings, type DataObject, type Fields } from './value.ts';
import { hardwareDevices } from './vm-hardware.ts';
import { vmLayout } from './vm-layout.ts';

/** The properties of a VM in addition to those of every entity, in the order of the API reference. */
export function vmProperties(vm: VirtualMachine): Fields {
  return {
    disabledMethod: strings(vm.openLease === undefined ? [] : ['PowerOnVM_Task', 'ExportVm', 'Destroy_Task']),
    capability: vmCapability(vm),
    config: vmConfig(vm),
    layout: undefined,
    layoutEx: vmLayout(vm),
    storage: undefined,
    environmentBrowser: undefined,
    resourcePool: vm.options.template === true ? undefined : vm.datacenter.resourcePool.ref,
    parentVApp: undefined,
    resourceConfig: undefined,
    runtime: vmRuntime(vm),
    guest: vmGuest(vm),
    summary: vmSummary(vm),
    datastore: refs([vm.datacenter.datastore.ref]),
    network: refs([vm.datacenter.network.ref]),
    snapshot: vmSnapshotInfo(vm),
    rootSnapshot: refs(vm.snapshotRoots.map((snapshot) => snapshot.ref)),
    guestHeartbeatStatus: enumOf('ManagedEntityStatus', vm.toolsRunning ? 'green' : 'gray'),
  };
}

/** The configuration, either the current one or with the disks of a snapshot. */
export function vmConfig(
  vm: VirtualMachine,
  disks: readonly DiskState[] = vm.storage.states(),
  isTracking = vm.storage.isTracking,
): DataObject {
  const { options } = vm;
  const { datastore, network } = vm.datacenter;
  return data('VirtualMachineConfigInfo', {
    changeVersion: vm.changeVersion,
    modified: new Date('1970-01-01T00:00:00Z'),
    name: vm.name,
    guestFullName: guestName(vm),
    version: hardwareVersion(vm),
    uuid: vm.biosUuid,
    instanceUuid: vm.instanceUuid,
    template: options.template ?? false,
    guestId: guestId(vm),
    alternateGuestName: '',
    annotation: vm.annotation,
    files: data('VirtualMachineFileInfo', {
      vmPathName: vmPathName(vm),
      snapshotDirectory: `[datastore1] ${vm.name}/`,
      suspendDirectory: `[datastore1] ${vm.name}/`,
      logDirectory: `[datastore1] ${vm.name}/`,
    }),
    flags: data('VirtualMachineFlagInfo', { enableLogging: true, diskUuidEnabled: false }),
    defaultPowerOps: data('VirtualMachineDefaultPowerOpInfo', { powerOffType: 'soft' }),
    hardware: data('VirtualHardware', {
      numCPU: options.cpus ?? 1,
      numCoresPerSocket: 1,
      memoryMB: options.memoryMb ?? 1024,
      device: hardwareDevices({ ...options, iso: vm.iso }, disks, {
        datastore: datastore.ref,
        network: network.ref,
        isTracking,
      }),
    }),
    extraConfig: arrayOf(
      'OptionValue',
      Object.entries({
        ...(options.nvram === undefined ? {} : { nvram: `${vm.name}.nvram` }),
        ...options.extraConfig,
      }).map(([key, value]) => data('OptionValue', { key, value })),
    ),
    bootOptions: data('VirtualMachineBootOptions', {
      efiSecureBootEnabled: options.secureBoot ?? false,
      bootOrder: arrayOf('VirtualMachineBootOptionsBootableDevice', (options.bootOrder ?? []).map(bootableDevice)),
    }),
    changeTrackingEnabled: isTracking,
    firmware: options.firmware ?? 'bios',
    managedBy: options.managedBy === undefined ? undefined : data('ManagedByInfo', { ...options.managedBy }),
    keyId: options.encrypted === true ? data('CryptoKeyId', { keyId: 'key-1' }) : undefined,
  });
}

/** `vmx-07` or `vmx-19`. */
function hardwareVersion({ options }: VirtualMachine): string {
  return `vmx-${String(options.hardwareVersion ?? 19).padStart(2, '0')}`;
}

/** Only what clients ask for before they take snapshots and read changes; the real type has many fields. */
function vmCapability(vm: VirtualMachine): DataObject {
  return data('VirtualMachineCapability', {
    snapshotOperationsSupported: true,
    multipleSnapshotsSupported: true,
    poweredOffSnapshotsSupported: true,
    memorySnapshotsSupported: true,
    revertToSnapshotSupported: true,
    quiescedSnapshotsSupported: true,
    changeTrackingSupported: vm.supportsChangeTracking,
  });
}

/** A number is the index of a disk in the VM's options. */
function bootableDevice(device: 'cdrom' | 'ethernet' | number): DataObject {
  if (device === 'cdrom') return data('VirtualMachineBootOptionsBootableCdromDevice');
  return typeof device === 'number'
    ? data('VirtualMachineBootOptionsBootableDiskDevice', { deviceKey: 2000 + device })
    : data('VirtualMachineBootOptionsBootableEthernetDevice', { deviceKey: 4000 });
}

function vmRuntime(vm: VirtualMachine): DataObject {
  return data('VirtualMachineRuntimeInfo', {
    host: vm.datacenter.host.ref,
    connectionState: enumOf('VirtualMachineConnectionState', 'connected'),
    powerState: enumOf('VirtualMachinePowerState', vm.powerState),
    faultToleranceState: enumOf('VirtualMachineFaultToleranceState', 'notConfigured'),
    toolsInstallerMounted: false,
    numMksConnections: 0,
    recordReplayState: enumOf('VirtualMachineRecordReplayState', 'inactive'),
    onlineStandby: false,
    consolidationNeeded: vm.consolidationNeeded,
    cryptoState: vm.options.encrypted === true ? 'safe' : undefined,
  });
}

/** The three fields in which the API reports the state of VMware Tools. */
function toolsFields(vm: VirtualMachine): Fields {
  const installed = (vm.options.tools ?? 'running') !== 'notInstalled';
  const words = vm.toolsRunning ? 'toolsOk' : 'toolsNotRunning';
  return {
    toolsStatus: enumOf('VirtualMachineToolsStatus', installed ? words : 'toolsNotInstalled'),
    toolsVersionStatus: installed ? 'guestToolsCurrent' : 'guestToolsNotInstalled',
    toolsVersionStatus2: installed ? 'guestToolsCurrent' : 'guestToolsNotInstalled',
    toolsRunningStatus: vm.toolsRunning ? 'guestToolsRunning' : 'guestToolsNotRunning',
  };
}

function vmGuest(vm: VirtualMachine): DataObject {
  const known = vm.toolsRunning ? { guestId: guestId(vm), guestFullName: guestName(vm) } : {};
  return data('GuestInfo', {
    ...toolsFields(vm),
    ...known,
    ...guestNetFields(vm.options.guestNet),
    guestState: vm.toolsRunning ? 'running' : 'notRunning',
    guestOperationsReady: vm.toolsRunning,
  });
}

function vmSummary(vm: VirtualMachine): DataObject {
  const { options } = vm;
  return data('VirtualMachineSummary', {
    vm: vm.ref,
    runtime: vmRuntime(vm),
    guest: data('VirtualMachineGuestSummary', {
      guestId: guestId(vm),
      guestFullName: guestName(vm),
      ...toolsFields(vm),
    }),
    config: data('VirtualMachineConfigSummary', {
      name: vm.name,
      template: options.template ?? false,
      vmPathName: vmPathName(vm),
      memorySizeMB: options.memoryMb ?? 1024,
      numCpu: options.cpus ?? 1,
      numEthernetCards: options.networkAdapters?.length ?? 0,
      numVirtualDisks: vm.disks.length,
      uuid: vm.biosUuid,
      instanceUuid: vm.instanceUuid,
      guestId: guestId(vm),
      guestFullName: guestName(vm),
      annotation: vm.annotation,
      tpmPresent: options.virtualTpm ?? false,
      hwVersion: hardwareVersion(vm),
    }),
    storage: data('VirtualMachineStorageSummary', {
      committed: BigInt(capacityOf(vm)),
      uncommitted: 0n,
      unshared: BigInt(capacityOf(vm)),
      timestamp: new Date('2026-01-01T00:00:00Z'),
    }),
    quickStats: data('VirtualMachineQuickStats', { guestHeartbeatStatus: enumOf('ManagedEntityStatus', 'gray') }),
    overallStatus: enumOf('ManagedEntityStatus', 'green'),
    customValue: arrayOf('CustomFieldValue', []),
  });
}

function vmSnapshotInfo(vm: VirtualMachine): DataObject | undefined {
  if (vm.snapshotRoots.length === 0) return undefined;
  return data('VirtualMachineSnapshotInfo', {
    currentSnapshot: vm.currentSnapshot?.ref,
    rootSnapshotList: arrayOf(
      'VirtualMachineSnapshotTree',
      vm.snapshotRoots.map((snapshot) => snapshot.toTree()),
    ),
  });
}

function vmPathName(vm: VirtualMachine): string {
  return `[datastore1] ${vm.name}/${vm.name}.vmx`;
}

function guestId(vm: VirtualMachine): string {
  return vm.options.guestId ?? 'debian12_64Guest';
}

function guestName(vm: VirtualMachine): string {
  return vm.options.guestFullName ?? 'Debian GNU/Linux 12 (64-bit)';
}

function capacityOf(vm: VirtualMachine): number {
  return vm.disks.reduce((sum, disk) => sum + disk.capacityBytes, 0);
}
