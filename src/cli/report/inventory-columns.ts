import { formatBytes } from '../../base/text/amounts.ts';
import type { ListedVm } from '../../operations/list/list-types.ts';
import type { TableColumn } from '../text/table.ts';

/** A column of `list`. */
export interface InventoryColumn extends TableColumn {
  /** The default table has it from this terminal width on; undefined: only if requested. */
  fromWidth: number | undefined;
  /** For people. */
  cell: (vm: ListedVm) => string;
  /** For CSV: numbers in bytes. */
  value: (vm: ListedVm) => string;
  /** For `--sort`. Larger amounts come first. */
  rank: (vm: ListedVm) => string | number;
}

const POWER: Readonly<Record<string, string>> = { poweredOn: 'on', poweredOff: 'off', suspended: 'suspended' };
const EXPORTABLE = { yes: 'yes', snapshot: '--snapshot', no: 'no' } as const;

export function capacityOf({ disks }: ListedVm): number {
  return disks.reduce((sum, disk) => sum + disk.capacityBytes, 0);
}

/** In the order of the default table and of CSV. */
export const COLUMN_NAMES = [
  'path',
  'name',
  'folder',
  'power',
  'guest',
  'cpus',
  'memory',
  'disks',
  'capacity',
  'used',
  'datastore',
  'host',
  'uuid',
  'moref',
  'note',
  'export',
] as const;
export type ColumnName = (typeof COLUMN_NAMES)[number];

export const INVENTORY_COLUMNS: Readonly<Record<ColumnName, InventoryColumn>> = {
  path: text('PATH', ({ inventoryPath }) => inventoryPath, { fromWidth: 0, cut: 'middle' }),
  name: text('NAME', ({ name }) => name, { cut: 'middle' }),
  folder: text('FOLDER', ({ folder }) => folder, { cut: 'middle' }),
  power: text('POWER', powerOf, { fromWidth: 0, isState: true }),
  guest: text('GUEST', ({ guest }) => guest, { fromWidth: 72, cut: 'end' }),
  cpus: count('CPUS', ({ cpus }) => cpus),
  memory: amount('MEMORY', ({ memoryBytes }) => memoryBytes),
  disks: count('DISKS', ({ disks }) => disks.length, 60),
  capacity: amount('CAPACITY', capacityOf, 40),
  used: amount('USED', ({ usedBytes }) => usedBytes, 60),
  datastore: text('DATASTORE', ({ datastores }) => datastores.join(', '), { fromWidth: 100, cut: 'end' }),
  host: text('HOST', ({ host }) => host, { fromWidth: 110, cut: 'end' }),
  uuid: text('INSTANCE UUID', ({ instanceUuid }) => instanceUuid, {}),
  moref: text('MOREF', ({ moRef }) => moRef, {}),
  note: text('NOTE', noteOf, {}),
  export: text('EXPORT', ({ check }) => (check === undefined ? '' : EXPORTABLE[check.exportable]), { isState: true }),
};

function text(
  header: string,
  of: (vm: ListedVm) => string,
  { fromWidth, ...rest }: { fromWidth?: number; cut?: 'middle' | 'end'; isState?: boolean },
): InventoryColumn {
  return { header, ...rest, fromWidth, cell: of, value: of, rank: of };
}

function count(header: string, of: (vm: ListedVm) => number, fromWidth?: number): InventoryColumn {
  const cell = (vm: ListedVm): string => (vm.unreadable ? '?' : String(of(vm)));
  return { header, align: 'right', fromWidth, cell, value: (vm) => (vm.unreadable ? '' : String(of(vm))), rank: of };
}

function amount(header: string, of: (vm: ListedVm) => number | null, fromWidth?: number): InventoryColumn {
  const known = (vm: ListedVm): number | null => (vm.unreadable ? null : of(vm));
  return {
    header,
    align: 'right',
    fromWidth,
    cell: (vm) => formatOr('?', known(vm)),
    value: (vm) => String(known(vm) ?? ''),
    rank: (vm) => known(vm) ?? -1,
  };
}

function formatOr(unknown: string, bytes: number | null): string {
  return bytes === null ? unknown : formatBytes(bytes);
}

function powerOf({ unreadable, template, powerState }: ListedVm): string {
  if (unreadable) return 'unreadable';
  return template ? 'template' : (POWER[powerState] ?? powerState);
}

/** VMware's own extensions come with vCenter; another vendor's is named. */
function noteOf({ managedBy }: ListedVm): string {
  if (managedBy === '') return '';
  return managedBy.startsWith('com.vmware.') ? 'managed by vCenter' : `managed by ${managedBy}`;
}
