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
    vms.map((vm) => [vm.inventoryPath, ...factsOf(vm)]),
    width,
  );
  return [...table, formatCount(vms.length, 'VM')];
}

/** What is behind the path: nothing is known of a VM whose properties the account may not read. */
function factsOf({ unreadable, template, powerState, guest, disks }: ListedVm): string[] {
  if (unreadable) return ['unreadable', '?', '?', '?'];
  return [
    template ? 'template' : (POWER[powerState] ?? powerState),
    guest,
    String(disks.length),
    formatBytes(disks.reduce((sum, disk) => sum + disk.capacityBytes, 0)),
  ];
}
