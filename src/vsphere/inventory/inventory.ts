import { Hyper2kvmError } from '../../base/errors.ts';
import { readInventory, type ObjectContent } from '../session/properties.ts';
import { refOf } from '../soap/soap-envelope.ts';
import type { VsphereClient } from '../session/vsphere-client.ts';
import type { MoRef } from '../soap/wsdl-types.ts';

/** A VM and its location in the inventory. */
export interface InventoryVm {
  ref: MoRef;
  /** The decoded name: `a/b`, where the server stores `a%2fb`. */
  name: string;
  /** `/DC0/vm/folder/name`, each part in the server's encoding, so that the path can be used as an argument. */
  inventoryPath: string;
  /** The key of the extension that manages the VM, such as `com.vmware.vim.eam` for a vCLS VM; undefined for an ordinary VM. */
  managedBy?: string | undefined;
  content: ObjectContent;
}

/** vSphere allows 80 characters, and an encoded character such as `%25` takes three. */
const MOST_OF_NAME = 1000;
/** Deeper nesting means a loop in the server's data, or an attack. */
const MOST_FOLDERS = 200;

const MANAGED_BY = 'config.managedBy';

/** Lists every VM and template that the account can see, sorted by path. Also reads the properties `vmPaths`. */
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
      // Only vCenter has vApps, but every server knows the type.
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

/** Decodes an inventory name: vSphere stores `/`, `\` and `%` as `%2f`, `%5c` and `%25`. */
export function decodeInventoryName(name: string): string {
  return name.replace(/%(2f|5c|25)/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

/** @throws transfer error for a name longer than any that vSphere allows: glob matching against long names is slow. */
function nameOf({ ref, properties }: ObjectContent): string | undefined {
  const name = properties.get('name')?.text;
  if (name === undefined || name.length <= MOST_OF_NAME) return name;
  const sentence = `The server returned a name of ${name.length} characters for ${ref.type} ${ref.value.slice(0, MOST_OF_NAME)}.`;
  throw new Hyper2kvmError('transfer', sentence, { hint: 'vSphere allows 80 characters in a name.' });
}

/** Walks up to the root folder, whose own name is not part of the path. */
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
