import { Hyper2kvmError } from '../../base/errors.ts';
import { withTimeLimit } from '../../base/time-limit.ts';
import { isFault } from '../soap/fault.ts';
import { refOf } from '../soap/soap-envelope.ts';
import type { VsphereClient } from './vsphere-client.ts';
import type { MoRef, WsdlValue } from '../soap/wsdl-types.ts';
import type { XmlElement } from '../soap/xml-element.ts';

/** The properties that the server returned for one managed object. */
export interface ObjectContent {
  ref: MoRef;
  /** Keyed by the requested dotted path. Properties without a value are absent. */
  properties: ReadonlyMap<string, XmlElement>;
  /** Paths that the account may not read, with the type of the fault. */
  missing: ReadonlyMap<string, string>;
}

type PropertyFilterSpec = WsdlValue<'PropertyFilterSpec'>;

/** A page has 100 objects and the largest vCenter 40,000 VMs (400 pages): a server that continues past this limit never ends. */
const MOST_PAGES = 5000;
const RETRIEVE_LIMIT_MS = 15 * 60_000;

/** Reads everything that a filter selects, over as many pages as the server uses, up to {@link MOST_PAGES}. */
function retrieve(client: VsphereClient, spec: PropertyFilterSpec, signal: AbortSignal): Promise<ObjectContent[]> {
  return withTimeLimit(RETRIEVE_LIMIT_MS, `Reading the inventory of ${client.server}`, signal, (limited) =>
    retrievePages(client, spec, limited),
  );
}

async function retrievePages(
  client: VsphereClient,
  spec: PropertyFilterSpec,
  signal: AbortSignal,
): Promise<ObjectContent[]> {
  const _this = client.content.propertyCollector;
  const objects: ObjectContent[] = [];
  let response = await client.call('RetrievePropertiesEx', { _this, specSet: [spec], options: {} }, signal);
  for (let pages = 1; pages <= MOST_PAGES; pages += 1) {
    const page = response.find('returnval');
    for (const object of page?.all('objects') ?? []) objects.push(decodeObject(object));
    const token = page?.textOf('token');
    if (!token) return objects;
    try {
      response = await client.call('ContinueRetrievePropertiesEx', { _this, token }, signal);
    } catch (error) {
      if (isFault(error, 'NoPermission')) return retrieveUnpaged(client, spec, signal);
      throw error;
    }
  }
  throw new Hyper2kvmError('transfer', `${client.server} returned more than ${MOST_PAGES} pages.`, {
    hint: 'Check that the address is that of a vCenter or ESXi host, and that no proxy answers instead.',
  });
}

/** For an account without rights on the root folder, vCenter 7.0.3 to 8.0.2 refuse the second page. The older call without paging works. */
async function retrieveUnpaged(
  client: VsphereClient,
  spec: PropertyFilterSpec,
  signal: AbortSignal,
): Promise<ObjectContent[]> {
  const _this = client.content.propertyCollector;
  try {
    const response = await client.call('RetrieveProperties', { _this, specSet: [spec] }, signal);
    return response.all('returnval').map(decodeObject);
  } catch (error) {
    if (!isFault(error, 'NoPermission')) throw error;
    const sentence = `${client.server} does not allow the account to read an inventory of more than one page.`;
    throw new Hyper2kvmError('authentication', sentence, {
      cause: error,
      hint: 'Give the account the role "Read-only" on the root folder of the vCenter, without propagation to children.',
    });
  }
}

/**
 * Reads properties of one object.
 * @throws VsphereFault `ManagedObjectNotFound` when the object no longer exists.
 */
export async function readProperties(
  client: VsphereClient,
  obj: MoRef,
  pathSet: readonly string[],
  signal: AbortSignal,
): Promise<ObjectContent> {
  const spec = { propSet: [{ type: obj.type, pathSet }], objectSet: [{ obj }] };
  const [content] = await client.readTogether(() => retrieve(client, spec, signal), signal);
  if (!content) throw new Hyper2kvmError('transfer', `${client.server} returned nothing for ${obj.type} ${obj.value}.`);
  return content;
}

/**
 * Reads properties of several objects of one type, in one call.
 * @throws VsphereFault `ManagedObjectNotFound` when one of the objects no longer exists.
 */
export async function readPropertiesOfAll(
  client: VsphereClient,
  objects: readonly MoRef[],
  pathSet: readonly string[],
  signal: AbortSignal,
): Promise<ObjectContent[]> {
  const [first] = objects;
  if (first === undefined) return [];
  const spec = { propSet: [{ type: first.type, pathSet }], objectSet: objects.map((obj) => ({ obj })) };
  return client.readTogether(() => retrieve(client, spec, signal), signal);
}

/**
 * Returns a property that its object always has.
 * @throws retryable transfer error when the server omits it.
 */
export function requireProperty({ properties, missing }: ObjectContent, path: string, during: string): XmlElement {
  const value = properties.get(path);
  if (value) return value;
  const reason = missing.get(path) ?? 'no reason given';
  throw new Hyper2kvmError('transfer', `${during}: the server does not return ${path} (${reason}).`, {
    retryable: reason !== 'NoPermission',
  });
}

/** The properties to read for each type of object. */
type WantedProperties = readonly { type: string; pathSet: readonly string[] }[];

/** Reads properties of all objects of the given types in the inventory, through a container view that is destroyed afterwards. */
export function readInventory(
  client: VsphereClient,
  wanted: WantedProperties,
  signal: AbortSignal,
): Promise<ObjectContent[]> {
  return client.readTogether(() => readThroughView(client, wanted, signal), signal);
}

async function readThroughView(
  client: VsphereClient,
  wanted: WantedProperties,
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
  if (!view) throw new Hyper2kvmError('transfer', `${client.server} created no container view.`);
  try {
    const throughView = { type: 'ContainerView', path: 'view', skip: false };
    return await retrieve(
      client,
      { propSet: wanted, objectSet: [{ obj: view, skip: true, selectSet: [throughView] }] },
      signal,
    );
  } finally {
    // A view that cannot be destroyed ends with the session. The properties that were read stay valid.
    await client.call('DestroyView', { _this: view }, signal).catch(() => signal.throwIfAborted());
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
