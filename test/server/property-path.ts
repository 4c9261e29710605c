import { VimFault } from './fault.ts';
import { DataObject, MoRef, ValueArray, type Fields, type PlainValue, type Value } from './value.ts';

/** Properties that exist in the API but have no value on this server. Clients may request them. */
const UNSET_PROPERTIES: Record<string, readonly string[]> = {
  ComputeResource: ['summary', 'environmentBrowser', 'configurationEx', 'lifecycleManaged'],
  Datastore: ['info', 'host', 'browser', 'capability', 'iormConfiguration'],
  Folder: ['namespace'],
  HostSystem: ['hardware', 'capability', 'config', 'configManager', 'licensableResource', 'datastoreBrowser'],
  ResourcePool: ['summary', 'runtime', 'config', 'namespace', 'childConfiguration'],
};

/**
 * Returns the value at a path such as `config.hardware.device[2000].backing` of an object of `type`, or undefined if it is unset.
 * @throws an `InvalidProperty` fault if the type has no such property
 */
export function valueAt(type: string, properties: Fields, path: string): Value {
  const steps = parsePath(path);
  const [first] = steps;
  if (first === undefined || !(first.name in properties)) {
    if (UNSET_PROPERTIES[type]?.includes(first?.name ?? '') === true) return undefined;
    throw new VimFault('InvalidProperty', `The property ${path} does not exist.`, { name: path });
  }
  let value: Value = properties[first.name];
  for (const [index, step] of steps.entries()) {
    if (index > 0) value = value instanceof DataObject ? value.fields[step.name] : undefined;
    if (step.key !== undefined) value = itemByKey(value, step.key);
  }
  return value;
}

interface Step {
  name: string;
  key: string | undefined;
}

function parsePath(path: string): Step[] {
  return [...path.matchAll(/([A-Za-z]\w*)(?:\["?([^"\]]*)"?\])?/g)].map(([, name = '', key]) => ({ name, key }));
}

function itemByKey(value: Value, key: string): PlainValue | undefined {
  if (!(value instanceof ValueArray)) return undefined;
  return value.items.find((item) => {
    if (item instanceof MoRef) return item.value === key;
    if (!(item instanceof DataObject)) return false;
    const own = item.fields['key'];
    return own === key || (typeof own === 'number' && own === Number(key));
  });
}
