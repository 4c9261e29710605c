import { Hyper2kvmError } from '../../base/errors.ts';
import { readInventory, type ObjectContent } from '../session/properties.ts';
import { refOf } from '../soap/soap-envelope.ts';
import type { VsphereClient } from '../session/vsphere-client.ts';
import type { MoRef } from '../soap/wsdl-types.ts';

/** A VM's place in the inventory. */
export interface InventoryVm {
  ref: MoRef;
  /** As a person wrote it: `a/b`, where the server keeps `a%2fb`. */
  name: string;
  /** `/DC0/vm/folder/name`, every part as the server keeps it, so that it can be given back. */
  inventoryPath: string;
  /** The extension that runs it for itself, such as `com.vmware.vim.eam` a vCLS VM; undefined for a VM of the users'. */
  managedBy?: string | undefined;
  content: ObjectContent;
}

/** vSphere allows 80 characters, and `%25` stands for one. */
const MOST_OF_NAME = 1000;
/** More folders in each other than that are a server's loop, or an attack. */
const MOST_FOLDERS = 200;

const MANAGED_BY = 'config.managedBy';

/** Every VM and template that the account can see, by path. `vmPaths` are read along. */
export async function listInventory(
  client: VsphereClient,
  vmPaths: readonly string[],
  signal: AbortSignal,
): Promise<InventoryVm[]> {
  const place = ['name', 'parent'];
  const objects = await readInventory(
    client,
    [
      { type: 'VirtualMachine', pathSet: [...new Set([...place, 'parentVApp', MANAGED_BY, ...vmPaths])] },
      { type: 'Folder', pathSet: place },
      { type: 'Datacenter', pathSet: place },
      // Only a vCenter has these, but every server knows the type.
      { type: 'VirtualApp', pathSet: [...place, 'parentFolder'] },
    ],
    signal,
  );
  const byRef = new Map(objects.map((object) => [object.ref.value, object]));
  return objects
    .filter((object) => object.ref.type === 'VirtualMachine' && object.properties.has('name'))
    .map((content) => ({
      ref: content.ref,
      name: decodeInventoryName(nameOf(content) ?? ''),
      inventoryPath: pathOf(content, byRef),
      managedBy: content.properties.get(MANAGED_BY)?.textOf('extensionKey'),
      content,
    }))
    .toSorted((a, b) => (a.inventoryPath < b.inventoryPath ? -1 : 1));
}

/** The inventory keeps `/`, `\` and `%` in a name as `%2f`, `%5c` and `%25`. */
export function decodeInventoryName(name: string): string {
  return name.replace(/%(2f|5c|25)/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

/** @throws a transfer error for a name that no inventory has: patterns are matched against names, which takes long for long ones. */
function nameOf({ ref, properties }: ObjectContent): string | undefined {
  const name = properties.get('name')?.text;
  if (name === undefined || name.length <= MOST_OF_NAME) return name;
  const sentence = `The server returned a name of ${name.length} characters for ${ref.type} ${ref.value.slice(0, MOST_OF_NAME)}.`;
  throw new Hyper2kvmError('transfer', sentence, { hint: 'vSphere allows 80 characters in a name.' });
}

/** Walks up to the root folder, whose own name is no part of a path. */
function pathOf(vm: ObjectContent, byRef: ReadonlyMap<string, ObjectContent>): string {
  const parts: string[] = [];
  const seen = new Set<string>();
  let here: ObjectContent | undefined = vm;
  while (here && !seen.has(here.ref.value) && seen.size < MOST_FOLDERS) {
    seen.add(here.ref.value);
    parts.unshift((nameOf(here) ?? here.ref.value).replaceAll('/', '%2f'));
    const { properties }: ObjectContent = here;
    const parent = refOf(properties.get('parentFolder') ?? properties.get('parentVApp') ?? properties.get('parent'));
    here = parent && byRef.get(parent.value);
  }
  return `/${parts.join('/')}`;
}
