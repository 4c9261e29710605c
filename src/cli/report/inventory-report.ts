import { csvLine, formulaFree } from '../text/csv.ts';
import { formatBytes, formatCount } from '../../base/text/amounts.ts';
import type { ListedVm } from '../../operations/list/list-types.ts';
import type { Look } from '../text/look.ts';
import { renderTable } from '../text/table.ts';
import { findingLines } from './finding-lines.ts';
import { capacityOf, COLUMN_NAMES, INVENTORY_COLUMNS, type ColumnName } from './inventory-columns.ts';

/** The VMs as a table, what prevents their export if that was checked, and the totals. */
export function inventoryReport(
  vms: readonly ListedVm[],
  { columns, look }: { columns: readonly ColumnName[] | undefined; look: Look },
): string[] {
  if (vms.length === 0) return ['No VM matches.'];
  const { width, paint } = look;
  const shown = (columns ?? defaultColumns(vms, width)).map((name) => INVENTORY_COLUMNS[name]);
  const table = renderTable(
    shown,
    vms.map((vm) => shown.map(({ cell }) => cell(vm))),
    width,
    paint,
  );
  return [...table, ...problemLines(vms, width), ...totals(vms)];
}

/** The VMs as CSV (RFC 4180), with a header line and sizes in bytes. No name of the server is run as a formula. */
export function inventoryCsv(vms: readonly ListedVm[], columns: readonly ColumnName[]): string {
  const rows = vms.map((vm) => columns.map((name) => formulaFree(INVENTORY_COLUMNS[name].value(vm))));
  return [columns, ...rows].map(csvLine).join('');
}

/** Sorted by a column: names in alphabetical order, the largest amounts first. Equal VMs keep their order by path. */
export function sortedBy(vms: readonly ListedVm[], name: ColumnName): ListedVm[] {
  const { rank } = INVENTORY_COLUMNS[name];
  return vms.toSorted((a, b) => {
    const [one, other] = [rank(a), rank(b)];
    if (typeof one === 'number' && typeof other === 'number') return other - one;
    return String(one) < String(other) ? -1 : String(one) > String(other) ? 1 : 0;
  });
}

function defaultColumns(vms: readonly ListedVm[], width: number | undefined): ColumnName[] {
  const names = COLUMN_NAMES.filter((name) => {
    const { fromWidth } = INVENTORY_COLUMNS[name];
    return fromWidth !== undefined && (width === undefined || width >= fromWidth);
  });
  const hasCheck = vms.some(({ check }) => check !== undefined);
  const hasNote = vms.some(({ managedBy }) => managedBy !== '');
  const extra: ColumnName[] = [...(hasCheck ? ['export' as const] : []), ...(hasNote ? ['note' as const] : [])];
  return [...names, ...extra];
}

function problemLines(vms: readonly ListedVm[], width: number | undefined): string[] {
  const rows = vms.flatMap(({ inventoryPath, check, managedBy }) => [
    ...(managedBy === '' ? (check?.problems ?? []) : []).map((problem) => ({
      state: 'error',
      subject: inventoryPath,
      ...problem,
    })),
    ...(check?.warnings ?? []).map((detail) => ({ state: 'warning', subject: inventoryPath, detail })),
  ]);
  return rows.length === 0 ? [] : ['', ...findingLines(rows, width), ''];
}

function totals(vms: readonly ListedVm[]): string[] {
  const sum = (of: (vm: ListedVm) => number): number => vms.reduce((total, vm) => total + of(vm), 0);
  const count = (is: (vm: ListedVm) => boolean): number => vms.filter(is).length;
  const on = count(({ powerState }) => powerState === 'poweredOn');
  const managed = count(({ managedBy }) => managedBy !== '');
  const parts = [
    `${formatCount(vms.length, 'VM')} (${on} on)`,
    formatCount(
      sum(({ disks }) => disks.length),
      'disk',
    ),
    `${formatBytes(sum(capacityOf))} capacity`,
    `${formatBytes(sum(({ usedBytes }) => usedBytes ?? 0))} used`,
  ];
  const checked = vms.filter(({ check }) => check !== undefined);
  const as = (state: string): number => count(({ check }) => check?.exportable === state);
  return [
    `${parts.join(', ')}.`,
    ...(managed === 0 ? [] : [`${managed} of them managed: export patterns skip these.`]),
    ...(checked.length === 0
      ? []
      : [
          `Export: ${as('yes')} as they are, ${as('snapshot')} with --snapshot (or --shutdown), ${as('no')} not exportable.`,
        ]),
  ];
}
