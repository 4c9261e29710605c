import { formatBytes, formatCount } from '../../base/text/amounts.ts';
import type { ListedVm } from '../../operations/list/list-types.ts';
import { capacityOf, INVENTORY_COLUMNS, type ColumnName, type InventoryColumn } from '../report/inventory-columns.ts';
import { renderTable } from '../text/table.ts';
import { cutEnd } from '../text/text-width.ts';
import { runPrompt, type PromptLook, type PromptTerminal } from './run-prompt.ts';

/** Lines around the rows: filter, header, totals, keys, and a free one. */
const OTHER_LINES = 5;
/** The cursor and the mark before a row, and one free column at the edge. */
const MARGIN = 7;

/** What the user has done so far. */
export interface PickerState {
  filter: string;
  /** The place of the cursor among the VMs that match the filter. */
  active: number;
  /** The MoRefs of the chosen VMs. */
  chosen: ReadonlySet<string>;
}

/**
 * Lets the user choose VMs from a list that is filtered by typing. Returns at least one, in the order of the list; the
 * VM under the cursor if none is marked.
 */
export async function pickVms(title: string, vms: readonly ListedVm[], terminal: PromptTerminal): Promise<ListedVm[]> {
  const core = await import('@inquirer/core');
  const labels = labelsOf(vms);
  return runPrompt<ListedVm[]>(core, terminal, (done, look) => {
    const [state, setState] = core.useState<PickerState>({ filter: '', active: 0, chosen: new Set() });
    const table = core.useMemo(() => tableOf(vms, labels, look), [look.width]);
    core.useKeypress((key, rl) => {
      const matching = matchingVms(vms, state.filter);
      if (core.isEnterKey(key)) {
        const picked = pickedOf(vms, matching, state);
        if (picked.length > 0) return done(picked);
      }
      const next = afterKey(key, state, matching, pageOf(look));
      if (next === undefined) return setState(withFilter(state, rl.line));
      // The library has put the key, such as a space, into the line.
      rl.clearLine(0);
      rl.write(next.filter);
      setState(next);
    });
    const [line = '', ...below] = pickerLines(title, vms, table, state, look);
    return [line, below.join('\n')];
  });
}

function withFilter(state: PickerState, filter: string): PickerState {
  return filter === state.filter ? state : { ...state, filter, active: 0 };
}

/** The state after a key that does not change the filter. Undefined for other keys. */
export function afterKey(
  key: { name: string; ctrl: boolean },
  state: PickerState,
  matching: readonly ListedVm[],
  page: number,
): PickerState | undefined {
  const last = Math.max(0, matching.length - 1);
  const moves: Readonly<Record<string, number>> = {
    up: state.active === 0 ? last : state.active - 1,
    down: state.active === last ? 0 : state.active + 1,
    pageup: Math.max(0, state.active - page),
    pagedown: Math.min(last, state.active + page),
    home: 0,
    end: last,
  };
  const active = moves[key.name];
  if (active !== undefined) return { ...state, active };
  if (key.name === 'escape') return { ...state, filter: '', active: 0 };
  if (key.name === 'return' || key.name === 'enter') return state;
  const refs = matching.map(({ moRef }) => moRef);
  if (key.ctrl && key.name === 'a') return { ...state, chosen: toggled(state.chosen, refs) };
  const under = refs[state.active];
  if (key.name !== 'space' && key.name !== 'tab') return undefined;
  return under === undefined ? state : { ...state, chosen: toggled(state.chosen, [under]) };
}

/** Adds all, or removes all if none is missing. */
function toggled(chosen: ReadonlySet<string>, refs: readonly string[]): Set<string> {
  const set = new Set(refs);
  return set.isSubsetOf(chosen) ? chosen.difference(set) : chosen.union(set);
}

function pickedOf(
  vms: readonly ListedVm[],
  matching: readonly ListedVm[],
  { chosen, active }: PickerState,
): ListedVm[] {
  if (chosen.size > 0) return vms.filter(({ moRef }) => chosen.has(moRef));
  return matching.slice(active, active + 1);
}

/** The VMs whose path, guest or power state contains the text, in any case. */
export function matchingVms(vms: readonly ListedVm[], filter: string): ListedVm[] {
  const wanted = filter.trim().toLowerCase();
  return vms.filter((vm) =>
    [vm.name, vm.inventoryPath, vm.guest, INVENTORY_COLUMNS.power.cell(vm)].some((text) =>
      text.toLowerCase().includes(wanted),
    ),
  );
}

/** The name of each VM, or its inventory path if another one has the same name. */
function labelsOf(vms: readonly ListedVm[]): Map<string, string> {
  const counts = new Map<string, number>();
  for (const { name } of vms) counts.set(name, (counts.get(name) ?? 0) + 1);
  return new Map(vms.map((vm) => [vm.moRef, counts.get(vm.name) === 1 ? vm.name : vm.inventoryPath]));
}

/** A header, and one line for each VM. */
export function tableOf(
  vms: readonly ListedVm[],
  labels: ReadonlyMap<string, string>,
  { width, paint }: PromptLook,
): string[] {
  const extra: ColumnName[] = [
    ...(width >= 60 ? ['used' as const] : []),
    ...(width >= 72 ? ['guest' as const] : []),
    ...(width >= 100 ? ['folder' as const] : []),
  ];
  const label = (vm: ListedVm): string => labels.get(vm.moRef) ?? vm.name;
  const name: InventoryColumn = { ...INVENTORY_COLUMNS.name, cell: label };
  const columns = [name, ...(['power', 'capacity', ...extra] as const).map((column) => INVENTORY_COLUMNS[column])];
  const rows = vms.map((vm) => columns.map(({ cell }) => cell(vm)));
  return renderTable(columns, rows, width - MARGIN, paint);
}

function pageOf({ height }: PromptLook): number {
  return Math.max(3, height - OTHER_LINES);
}

/** The line with the filter, a page of the table around the cursor, the totals, and the keys. */
export function pickerLines(
  title: string,
  vms: readonly ListedVm[],
  table: readonly string[],
  state: PickerState,
  look: PromptLook,
): string[] {
  const { width, glyphs, paint } = look;
  const matching = new Set(matchingVms(vms, state.filter));
  const rows = vms.flatMap((vm, index) => (matching.has(vm) ? [{ vm, line: table[index + 1] ?? '' }] : []));
  const page = pageOf(look);
  const start = Math.max(0, Math.min(state.active - Math.floor(page / 2), rows.length - page));
  const shown = rows.slice(start, start + page).map(({ vm, line }, index) => {
    const cursor = start + index === state.active ? paint('ok', glyphs.pending) : ' ';
    return `${cursor} ${state.chosen.has(vm.moRef) ? paint('ok', '[x]') : '[ ]'} ${line}`;
  });
  const chosen = vms.filter(({ moRef }) => state.chosen.has(moRef));
  const size = formatBytes(chosen.reduce((sum, vm) => sum + capacityOf(vm), 0));
  const totals = [
    rows.length === vms.length ? formatCount(vms.length, 'VM') : `${rows.length} of ${formatCount(vms.length, 'VM')}`,
    ...(chosen.length === 0 ? [] : [`${chosen.length} chosen, ${size}`]),
  ].join(` ${glyphs.separator} `);
  const keys =
    width >= 72
      ? 'Type to filter, Space marks, Ctrl-A marks all, Enter continues.'
      : 'Type: filter  Space: mark  Enter: go';
  return [
    `${cutEnd(title, Math.max(8, width - 20), glyphs.ellipsis)} ${state.filter}`,
    `      ${table[0] ?? ''}`,
    ...(shown.length === 0 ? ['      No VM matches.'] : shown),
    cutEnd(`  ${totals}`, width - 1, glyphs.ellipsis),
    paint('faint', cutEnd(`  ${keys}`, width - 1, glyphs.ellipsis)),
  ];
}
