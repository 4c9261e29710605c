import { Hyper2kvmError } from '../base/errors.ts';
import { refOf } from './soap-envelope.ts';
import type { VsphereClient } from './vsphere-client.ts';
import type { MoRef, WsdlValue } from './wsdl-types.ts';
import type { XmlElement } from './xml-element.ts';

/** The properties of one managed object that came back. */
export interface ObjectContent {
  ref: MoRef;
  /** By dotted path, as it was asked for. A property without a value is not in it. */
  properties: ReadonlyMap<string, XmlElement>;
  /** Paths that the account may not read, with the fault's type. */
  missing: ReadonlyMap<string, string>;
}

type PropertyFilterSpec = WsdlValue<'PropertyFilterSpec'>;

/** All that a filter selects, over as many pages as the server makes of it. */
async function retrieve(
  client: VsphereClient,
  spec: PropertyFilterSpec,
  signal: AbortSignal,
): Promise<ObjectContent[]> {
  const _this = client.content.propertyCollector;
  const objects: ObjectContent[] = [];
  let response = await client.call('RetrievePropertiesEx', { _this, specSet: [spec], options: {} }, signal);
  for (;;) {
    const page = response.find('returnval');
    objects.push(...(page?.all('objects') ?? []).map(decodeObject));
    const token = page?.textOf('token');
    if (!token) return objects;
    response = await client.call('ContinueRetrievePropertiesEx', { _this, token }, signal);
  }
}

/** Reads properties of one object. @throws VsphereFault `ManagedObjectNotFound` when it is gone. */
export async function readProperties(
  client: VsphereClient,
  obj: MoRef,
  pathSet: readonly string[],
  signal: AbortSignal,
): Promise<ObjectContent> {
  const [content] = await retrieve(client, { propSet: [{ type: obj.type, pathSet }], objectSet: [{ obj }] }, signal);
  if (!content) throw new Hyper2kvmError('transfer', `${client.server} returned nothing for ${obj.type} ${obj.value}.`);
  return content;
}

/** Reads properties of every object of some types in the whole inventory, through a container view that is destroyed after. */
export async function readInventory(
  client: VsphereClient,
  wanted: readonly { type: string; pathSet: readonly string[] }[],
  signal: AbortSignal,
): Promise<ObjectContent[]> {
  const { viewManager, rootFolder } = client.content;
  const type = wanted.map((each) => each.type);
  const created = await client.call(
    'CreateContainerView',
    { _this: viewManager, container: rootFolder, type, recursive: true },
    signal,
  );
  const view = refOf(created.find('returnval'));
  if (!view) throw new Hyper2kvmError('transfer', `${client.server} made no container view.`);
  try {
    const throughView = { type: 'ContainerView', path: 'view', skip: false };
    return await retrieve(
      client,
      { propSet: wanted, objectSet: [{ obj: view, skip: true, selectSet: [throughView] }] },
      signal,
    );
  } finally {
    await client.call('DestroyView', { _this: view }, signal);
  }
}

function decodeObject(element: XmlElement): ObjectContent {
  const ref = refOf(element.find('obj'));
  if (!ref) throw new Hyper2kvmError('transfer', 'The server returned properties without naming their object.');
  const properties = new Map<string, XmlElement>();
  for (const set of element.all('propSet')) {
    const value = set.find('val');
    if (value) properties.set(set.textOf('name') ?? '', value);
  }
  const missing = new Map<string, string>();
  for (const set of element.all('missingSet')) {
    missing.set(set.textOf('path') ?? '', set.find('fault.fault')?.type ?? 'unknown');
  }
  return { ref, properties, missing };
}
