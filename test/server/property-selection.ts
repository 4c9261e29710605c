import type { VimFault } from './fault.ts';
import { isKindOf, type ManagedObject } from './managed-object.ts';
import type { ObjectRegistry } from './object-registry.ts';
import { valueAt } from './property-path.ts';
import type { RequestObject } from './request-arguments.ts';
import { MoRef, ValueArray, type Fields, type Value } from './value.ts';

/** The result of a filter spec for one object. */
export interface SelectedObject {
  ref: MoRef;
  /** In the requested order. Undefined means unset. */
  properties: Map<string, Value>;
  /** Paths that the account may not read. */
  missing: { path: string; fault: VimFault }[];
}

/** How the client's account sees objects. */
export interface Viewer {
  /** Returns the fault for a property that may not be read, or undefined if it may. */
  refusal(object: ManagedObject, path: string): VimFault | undefined;
  propertiesOf(object: ManagedObject): Fields;
  /** Whether to omit a missing object instead of raising a `ManagedObjectNotFound` fault. */
  skipsMissing: boolean;
}

/** Evaluates `PropertyFilterSpec`s: returns the selected objects with the requested properties. */
export function selectProperties(
  objects: ObjectRegistry,
  specs: readonly RequestObject[],
  viewer: Viewer,
): SelectedObject[] {
  const selected = new Map<string, SelectedObject>();
  for (const spec of specs) {
    for (const object of reachedObjects(objects, spec, viewer)) {
      const propertySpecs = spec.objects('propSet').filter((each) => isKindOf(object.ref.type, each.string('type')));
      if (propertySpecs.length === 0) continue;
      const key = object.ref.value;
      const entry = selected.get(key) ?? { ref: object.ref, properties: new Map<string, Value>(), missing: [] };
      selected.set(key, entry);
      for (const propertySpec of propertySpecs) readInto(entry, object, propertySpec, viewer);
    }
  }
  return [...selected.values()];
}

function readInto(entry: SelectedObject, object: ManagedObject, spec: RequestObject, viewer: Viewer): void {
  const properties = viewer.propertiesOf(object);
  const paths = spec.boolean('all') ? Object.keys(properties) : spec.strings('pathSet');
  for (const path of paths) {
    const value = valueAt(object.ref.type, properties, path);
    const fault = viewer.refusal(object, path);
    if (fault === undefined) entry.properties.set(path, value);
    else entry.missing.push({ path, fault });
  }
}

/** Follows the traversals of the spec from the objects of its `objectSet`. Returns each object once. */
function reachedObjects(objects: ObjectRegistry, spec: RequestObject, viewer: Viewer): ManagedObject[] {
  const reached = new Map<string, ManagedObject>();
  for (const objectSpec of spec.objects('objectSet')) {
    const start = startOf(objects, objectSpec.ref('obj'), viewer.skipsMissing || spec.boolean(OMIT_MISSING));
    if (start === undefined) continue;
    const selections = objectSpec.objects('selectSet');
    const walk: Walk = { objects, viewer, named: namedTraversals(selections), visited: new Set(), reached };
    if (!objectSpec.boolean('skip')) reached.set(start.ref.value, start);
    follow(walk, start, selections);
  }
  return [...reached.values()];
}

/** Field of a `PropertyFilterSpec` that asks the server to omit missing objects. */
const OMIT_MISSING = 'reportMissingObjectsInResults';

function startOf(objects: ObjectRegistry, ref: MoRef, skipsMissing: boolean): ManagedObject | undefined {
  return skipsMissing && !objects.has(ref) ? undefined : objects.get(ref);
}

interface Walk {
  objects: ObjectRegistry;
  viewer: Viewer;
  /** Traversals that a `SelectionSpec` can refer to by name. */
  named: Map<string, RequestObject>;
  /** Visited pairs of object and traversal, to stop at cycles. */
  visited: Set<string>;
  reached: Map<string, ManagedObject>;
}

function follow(walk: Walk, from: ManagedObject, selections: readonly RequestObject[]): void {
  for (const selection of selections) {
    const traversal = selection.type === 'TraversalSpec' ? selection : walk.named.get(selection.string('name'));
    if (traversal === undefined || !isKindOf(from.ref.type, traversal.string('type'))) continue;
    const pair = `${from.ref.value} ${traversal.string('name')} ${traversal.string('type')} ${traversal.string('path')}`;
    if (walk.visited.has(pair)) continue;
    walk.visited.add(pair);
    if (walk.viewer.refusal(from, traversal.string('path')) !== undefined) continue;
    for (const ref of refsIn(valueAt(from.ref.type, walk.viewer.propertiesOf(from), traversal.string('path')))) {
      const target = walk.objects.get(ref);
      if (!traversal.boolean('skip')) walk.reached.set(ref.value, target);
      follow(walk, target, traversal.objects('selectSet'));
    }
  }
}

function namedTraversals(selections: readonly RequestObject[]): Map<string, RequestObject> {
  const named = new Map<string, RequestObject>();
  const collect = (list: readonly RequestObject[]): void => {
    for (const selection of list) {
      if (selection.type !== 'TraversalSpec') continue;
      const name = selection.optionalString('name');
      if (name !== undefined) named.set(name, selection);
      collect(selection.objects('selectSet'));
    }
  };
  collect(selections);
  return named;
}

function refsIn(value: Value): MoRef[] {
  if (value instanceof MoRef) return [value];
  return value instanceof ValueArray ? value.items.filter((item) => item instanceof MoRef) : [];
}
