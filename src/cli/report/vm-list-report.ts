import type { ListedVm } from '../../operations/list/list-types.ts';
import { formatBytes, formatCount } from '../../base/text/amounts.ts';
import { renderTable } from '../text/table.ts';

const POWER: Readonly<Record<string, string>> = { poweredOn: 'on', poweredOff: 'off', suspended: 'suspended' };

/** The VMs as a table by inventory path, and their number. An extra column shows which are managed by extensions, if any. */
export function vmListReport(vms: readonly ListedVm[], width: number | undefined): string[] {
  if (vms.length === 0) return ['No VM matches.'];
  const managed = vms.filter(({ managedBy }) => managedBy !== '').length;
  const table = renderTable(
    [
      { header: 'PATH', cut: 'middle' },
      { header: 'POWER' },
      { header: 'GUEST', cut: 'end' },
      { header: 'DISKS', align: 'right' },
      { header: 'CAPACITY', align: 'right' },
      ...(managed === 0 ? [] : [{ header: 'NOTE' }]),
    ],
    vms.map((vm) => [vm.inventoryPath, ...factsOf(vm), noteOf(vm)]),
    width,
  );
  const count = formatCount(vms.length, 'VM');
  return [...table, managed === 0 ? count : `${count}, ${managed} of them managed: export patterns skip these.`];
}

/** VMware's own extensions come with vCenter; another vendor's is named. */
function noteOf({ managedBy }: ListedVm): string {
  if (managedBy === '') return '';
  return managedBy.startsWith('com.vmware.') ? 'managed by vCenter' : `managed by ${managedBy}`;
}

/** The cells after the path. Nothing is known about a VM whose properties the account may not read. */
function factsOf({ unreadable, template, powerState, guest, disks }: ListedVm): string[] {
  if (unreadable) return ['unreadable', '?', '?', '?'];
  return [
    template ? 'template' : (POWER[powerState] ?? powerState),
    guest,
    String(disks.length),
    formatBytes(disks.reduce((sum, disk) => sum + disk.capacityBytes, 0)),
  ];
}
