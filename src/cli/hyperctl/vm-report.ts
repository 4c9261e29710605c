import { formatBytes } from '../../base/text/amounts.ts';
import type { ListedVm } from '../../operations/list/list-types.ts';
import type { VmInfo } from '../../operations/vm/types.ts';
import { safeText } from '../text/safe-text.ts';

const MIB = 1024 * 1024;

/**
 * The document of `hyperctl list -json`, with the field names that its callers expect. `Storage` is the capacity of all
 * disks, in bytes.
 */
export function vmListDocument(vms: readonly ListedVm[], now: Date): object {
  return {
    vms: vms.map((vm) => ({
      Name: vm.name,
      Path: vm.inventoryPath,
      PowerState: vm.powerState,
      GuestOS: vm.guest,
      MemoryMB: vm.memoryBytes / MIB,
      NumCPU: vm.cpus,
      Storage: vm.disks.reduce((sum, { capacityBytes }) => sum + capacityBytes, 0),
    })),
    total: vms.length,
    timestamp: now.toISOString(),
  };
}

/** The VMs whose name or path contains the text, ignoring case. */
export function filterVms(vms: readonly ListedVm[], text: string | undefined): ListedVm[] {
  const wanted = (text ?? '').toLowerCase();
  return vms.filter(({ name, inventoryPath }) =>
    [name, inventoryPath].some((word) => word.toLowerCase().includes(wanted)),
  );
}

/** The lines of `hyperctl vm -op info`. */
export function vmInfoLines(info: VmInfo): string[] {
  const { hardware } = info;
  return [
    `Name: ${info.name}`,
    `Path: ${info.inventoryPath}`,
    `MoRef: ${info.moRef}`,
    `Instance UUID: ${info.instanceUuid}`,
    `Power State: ${info.powerState}`,
    `Guest OS: ${info.guest}`,
    `Tools: ${info.toolsRunning ? 'running' : 'not running'}`,
    `CPUs: ${hardware.vcpus}`,
    `Memory: ${formatBytes(hardware.memoryBytes ?? 0)}`,
    `Firmware: ${hardware.firmware}`,
    ...info.disks.map(({ label, capacityBytes }) => `Disk: ${label}, ${formatBytes(capacityBytes)}`),
    ...hardware.nics.map(({ mac, network }) => `Network: ${network ?? ''}, ${mac ?? ''}`),
    `CD-ROM drives: ${hardware.cdRoms}`,
    ...info.snapshots.map((name) => `Snapshot: ${name}`),
  ].map(safeText);
}
