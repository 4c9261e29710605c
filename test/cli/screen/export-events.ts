import type { ExportScreen } from '../../../src/cli/screen/screen.ts';
import { RunMeter } from '../../../src/operations/export/run/run-meter.ts';
import type { ExportEvent, VmExportResult } from '../../../src/operations/export/types.ts';

export const GIB = 1024 ** 3;

export const VM = 'web-01';
export const DISK = 'web-01-disk-1.vmdk';

export const RESULT: VmExportResult = {
  vm: VM,
  moRef: 'vm-42',
  inventoryPath: '/DC0/vm/web-01',
  format: 'ovf',
  output: '/srv/vms/web-01',
  files: [
    { path: '/srv/vms/web-01/web-01-disk-1.vmdk', sizeBytes: 3 * GIB, sha256: 'ab'.repeat(32) },
    { path: '/srv/vms/web-01/web-01.mf', sizeBytes: 200, sha256: 'cd'.repeat(32) },
  ],
  transferredBytes: 3 * GIB,
  capacityBytes: 10 * GIB,
  keptDisks: [],
  warnings: [],
  seconds: 65,
};

export function vmStarted(vm = VM, index = 0, count = 1): ExportEvent {
  return { type: 'vm-started', vm, inventoryPath: `/DC0/vm/${vm}`, index, count, output: `/srv/vms/${vm}` };
}

export function diskStarted(disk = DISK, attempt = 1): ExportEvent {
  return { type: 'disk-started', vm: VM, disk, capacityBytes: 10 * GIB, attempt };
}

export function diskProgress(receivedBytes: number, coveredBytes: number, disk = DISK): ExportEvent {
  return { type: 'disk-progress', vm: VM, disk, receivedBytes, coveredBytes };
}

/** Sends events to a screen as an export does: followed by the totals that they change. */
export function sender(screen: Pick<ExportScreen, 'onEvent'>): (event: ExportEvent) => void {
  const meter = new RunMeter();
  return (event) => {
    const isChange = meter.take(event);
    screen.onEvent(event);
    if (isChange) screen.onEvent({ type: 'totals', totals: meter.totals() });
  };
}

/** The start of a run whose VMs have these names and 10 GiB each. */
export function runStarted(names: readonly string[]): ExportEvent {
  const vms = names.map((vm) => ({ vm, inventoryPath: `/DC0/vm/${vm}`, capacityBytes: 10 * GIB }));
  return { type: 'run-started', job: 'j', vms };
}
