import { randomUUID } from 'node:crypto';
import { VimFault } from './fault.ts';
import type { SelectedObject } from './property-selection.ts';
import type { RequestObject } from './request-arguments.ts';
import { arrayOf, data, enumOf, type DataObject, type MoRef } from './value.ts';
import { writeElement } from './xml-writer.ts';

/** The remaining pages of a retrieval, and the filters with the state that was last reported for each. */
export class PropertyCollector {
  readonly filters = new Map<string, { ref: MoRef; spec: RequestObject }>();
  readonly #pages = new Map<string, SelectedObject[]>();
  /** The state that the client has at the latest version and at the one before. A client repeats the older version when an answer was lost. */
  #reported: { version: number; state: ToldState }[] = [];
  /** Aborts when the collector is destroyed or its session ends. */
  readonly #closing = new AbortController();
  #cancelling = new AbortController();

  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  /** Aborts on `CancelWaitForUpdates`. */
  get cancelled(): AbortSignal {
    return this.#cancelling.signal;
  }

  cancel(): void {
    this.#cancelling.abort();
    this.#cancelling = new AbortController();
  }

  close(): void {
    this.#closing.abort();
  }

  /** Returns one page of a retrieval as a `RetrieveResult`, or undefined if nothing was selected. */
  page(selected: SelectedObject[], pageSize: number): DataObject | undefined {
    if (selected.length === 0) return undefined;
    const rest = selected.slice(pageSize);
    const token = rest.length === 0 ? undefined : randomUUID();
    if (token !== undefined) this.#pages.set(token, rest);
    return data('RetrieveResult', {
      token,
      objects: arrayOf('ObjectContent', selected.slice(0, pageSize).map(objectContent)),
    });
  }

  /** Returns the remaining objects for `token`. A token can be used once. */
  takeRest(token: string): SelectedObject[] {
    const rest = this.#pages.get(token);
    this.#pages.delete(token);
    if (rest === undefined) throw new VimFault('InvalidArgument', 'A specified parameter was not correct: token');
    return rest;
  }

  /** Returns the changes since `version` as an `UpdateSet` of at most `limit` objects, or undefined if nothing has changed. */
  updates(version: string, limit: number, select: (spec: RequestObject) => SelectedObject[]): DataObject | undefined {
    const state = this.#stateAt(version);
    let left = limit;
    const filterSet: DataObject[] = [];
    for (const { ref, spec } of this.filters.values()) {
      const updates = objectUpdates(ref.value, state, select(spec), left);
      left -= updates.length;
      if (updates.length > 0) {
        const objectSet = arrayOf('ObjectUpdate', updates);
        filterSet.push(data('PropertyFilterUpdate', { filter: ref, objectSet }));
      }
      if (left <= 0) break;
    }
    if (filterSet.length === 0) return undefined;
    const next = (this.#reported.at(-1)?.version ?? 0) + 1;
    this.#reported = [...this.#reported.slice(-1), { version: next, state }];
    return data('UpdateSet', {
      version: String(next),
      filterSet: arrayOf('PropertyFilterUpdate', filterSet),
      truncated: left <= 0 ? true : undefined,
    });
  }

  /** Returns a copy of the client's state at a version. */
  #stateAt(version: string): ToldState {
    if (version === '') return new Map();
    const told = this.#reported.find((entry) => String(entry.version) === version);
    if (told === undefined) throw new VimFault('InvalidCollectorVersion', 'The collector version is not valid.');
    return new Map(told.state);
  }
}

/** By filter and object: the properties as sent, each as XML. */
type ToldState = Map<string, { ref: MoRef; properties: Map<string, string> }>;

function objectUpdates(filter: string, state: ToldState, selected: SelectedObject[], limit: number): DataObject[] {
  const updates: DataObject[] = [];
  const present = new Set<string>();
  for (const object of selected) {
    const key = `${filter} ${object.ref.value}`;
    present.add(key);
    const before = state.get(key)?.properties;
    const now = new Map([...object.properties].map(([path, value]) => [path, writeElement('val', value)]));
    const changed = [...object.properties].filter(([path]) => before?.get(path) !== now.get(path));
    if ((before !== undefined && changed.length === 0) || updates.length >= limit) continue;
    state.set(key, { ref: object.ref, properties: now });
    const op = enumOf('PropertyChangeOp', 'assign');
    const changes = changed.map(([name, val]) => data('PropertyChange', { name, op, val }));
    updates.push(objectUpdate(before === undefined ? 'enter' : 'modify', object, changes));
  }
  for (const [key, { ref }] of state) {
    if (!key.startsWith(`${filter} `) || present.has(key) || updates.length >= limit) continue;
    state.delete(key);
    updates.push(objectUpdate('leave', { ref, properties: new Map(), missing: [] }, []));
  }
  return updates;
}

function objectUpdate(kind: string, object: SelectedObject, changes: DataObject[]): DataObject {
  return data('ObjectUpdate', {
    kind: enumOf('ObjectUpdateKind', kind),
    obj: object.ref,
    changeSet: arrayOf('PropertyChange', changes),
    missingSet: missingSet(object),
  });
}

export function objectContent(object: SelectedObject): DataObject {
  const set = [...object.properties].filter(([, value]) => value !== undefined);
  return data('ObjectContent', {
    obj: object.ref,
    propSet: arrayOf(
      'DynamicProperty',
      set.map(([name, val]) => data('DynamicProperty', { name, val })),
    ),
    missingSet: missingSet(object),
  });
}

function missingSet(object: SelectedObject) {
  return arrayOf(
    'MissingProperty',
    object.missing.map(({ path, fault }) => data('MissingProperty', { path, fault: fault.toLocalized() })),
  );
}
