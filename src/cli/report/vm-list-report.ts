import type { ListedVm } from '../../operations/list-types.ts';
import { formatBytes, formatCount } from '../../base/amounts.ts';
import { renderTable } from '../text/table.ts';

const POWER: Readonly<Record<string, string>> = { poweredOn: 'on', poweredOff: 'off', suspended: 'suspended' };

/** The VMs as a table by inventory path, and how many there are. */
export function vmListReport(vms: readonly ListedVm[], width: number | undefined): string[] {
  if (vms.length === 0) return ['No VM matches.'];
  const table = renderTable(
    [
      { header: 'PATH', cut: 'middle' },
      { header: 'POWER' },
      { header: 'GUEST', cut: 'end' },
      { header: 'DISKS', align: 'right' },
      { header: 'CAPACITY', align: 'right' },
    ],
    vms.map((vm) => [
      vm.inventoryPath,
      vm.template ? 'template' : (POWER[vm.powerState] ?? vm.powerState),
      vm.guest,
      String(vm.disks.length),
      formatBytes(vm.disks.reduce((sum, disk) => sum + disk.capacityBytes, 0)),
    ]),
    width,
  );
  return [...table, formatCount(vms.length, 'VM')];
}
