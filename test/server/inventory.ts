import { Entity, unescapeName } from './entity.ts';
import { isKindOf } from './managed-object.ts';
import type { ObjectRegistry } from './object-registry.ts';
import { arrayOf, data, enumOf, MoRef, refs, strings, type Fields } from './value.ts';

/** The entities of a datacenter that a VM refers to. */
export interface Datacenter {
  entity: Entity;
  vmFolder: Entity;
  host: Entity;
  resourcePool: Entity;
  datastore: Entity;
  network: Entity;
}

/** The fixed references of objects that exist on every ESXi host. */
const HOST_AGENT_REFS = {
  datacenter: 'ha-datacenter',
  vm: 'ha-folder-vm',
  host: 'ha-folder-host',
  datastore: 'ha-folder-datastore',
  network: 'ha-folder-network',
} as const;

/** The tree of datacenters, folders, hosts and storage that contains the VMs. */
export class Inventory {
  readonly root: Entity;
  readonly #objects: ObjectRegistry;
  readonly #hostAgent: boolean;
  readonly #datacenters = new Map<string, Datacenter>();

  constructor(objects: ObjectRegistry, apiType: 'VirtualCenter' | 'HostAgent') {
    this.#objects = objects;
    this.#hostAgent = apiType === 'HostAgent';
    const ref = new MoRef('Folder', this.#hostAgent ? 'ha-folder-root' : 'group-d1');
    const name = this.#hostAgent ? 'ha-folder-root' : 'Datacenters';
    this.root = objects.add(new Entity(ref, name, undefined, (self) => folderFields(self, ['Folder', 'Datacenter'])));
  }

  /** Returns the datacenter with this name and creates it if necessary. An ESXi host has exactly one. */
  datacenter(name: string): Datacenter {
    const key = this.#hostAgent ? 'ha-datacenter' : name;
    const found = this.#datacenters.get(key);
    if (found !== undefined) return found;
    const made = this.#makeDatacenter(key);
    this.#datacenters.set(key, made);
    return made;
  }

  /** Returns the folder at `names` below the datacenter's VM folder and creates it if necessary. An ESXi host has no subfolders. */
  vmFolder(datacenter: Datacenter, names: readonly string[]): Entity {
    if (this.#hostAgent) return datacenter.vmFolder;
    return names.reduce((parent, name) => {
      const found = parent.children.find((child) => child.displayName === name && child.ref.type === 'Folder');
      return found ?? this.#folder('v', name, parent, ['Folder', 'VirtualMachine']);
    }, datacenter.vmFolder);
  }

  /** Finds the entity at a path such as `DC0/vm/Web/name`. The names are escaped as in the API. */
  atPath(path: string): Entity | undefined {
    const names = path.split('/').filter((name) => name !== '');
    let here: Entity | undefined = this.root;
    for (const name of names) {
      here = here?.children.find((child) => child.displayName === unescapeName(name));
    }
    return here;
  }

  /** Returns the content of a container view: entities of `types` below the container, at any depth or directly below it. */
  viewOf(container: MoRef, types: readonly string[], recursive: boolean): MoRef[] {
    const entity = this.#objects.get(container);
    if (!(entity instanceof Entity)) return [];
    const found = recursive ? [...entity.descendants()] : entity.children;
    const wanted = (type: string) => types.length === 0 || types.some((base) => isKindOf(type, base));
    return found.map((each) => each.ref).filter((ref) => wanted(ref.type));
  }

  #makeDatacenter(name: string): Datacenter {
    const id = this.#objects.nextId();
    const ref = new MoRef('Datacenter', this.#hostAgent ? HOST_AGENT_REFS.datacenter : `datacenter-${id}`);
    const entity: Entity = this.#objects.add(
      new Entity(ref, name, this.root, () => ({
        vmFolder: vmFolder.ref,
        hostFolder: hostFolder.ref,
        datastoreFolder: datastoreFolder.ref,
        networkFolder: networkFolder.ref,
        datastore: refs([datastore.ref]),
        network: refs([network.ref]),
        configuration: data('DatacenterConfigInfo'),
      })),
    );
    const vmFolder = this.#folder('v', 'vm', entity, ['Folder', 'VirtualMachine'], HOST_AGENT_REFS.vm);
    const hostFolder = this.#folder('h', 'host', entity, ['Folder', 'ComputeResource'], HOST_AGENT_REFS.host);
    const datastoreFolder = this.#folder('s', 'datastore', entity, ['Folder', 'Datastore'], HOST_AGENT_REFS.datastore);
    const networkFolder = this.#folder('n', 'network', entity, ['Folder', 'Network'], HOST_AGENT_REFS.network);
    const vms = () =>
      refs([...vmFolder.descendants()].map((each) => each.ref).filter((each) => each.type === 'VirtualMachine'));

    const compute: Entity = this.#objects.add(
      new Entity(this.#ref('ComputeResource', 'domain-s', 'ha-compute-res'), `esxi-${id}.test`, hostFolder, () => ({
        resourcePool: resourcePool.ref,
        host: refs([host.ref]),
        datastore: refs([datastore.ref]),
        network: refs([network.ref]),
      })),
    );
    const shared = () => ({ vm: vms(), datastore: refs([datastore.ref]), network: refs([network.ref]) });
    const host: Entity = this.#objects.add(
      new Entity(this.#ref('HostSystem', 'host-', 'ha-host'), `esxi-${id}.test`, compute, (self) => ({
        runtime: hostRuntime(),
        summary: hostSummary(self),
        ...shared(),
      })),
    );
    const resourcePool = this.#objects.add(
      new Entity(this.#ref('ResourcePool', 'resgroup-', 'ha-root-pool'), 'Resources', compute, () => ({
        owner: compute.ref,
        resourcePool: refs([]),
        vm: vms(),
      })),
    );
    const datastore: Entity = this.#objects.add(
      new Entity(this.#ref('Datastore', 'datastore-', '5f3a1b2c-00000001'), 'datastore1', datastoreFolder, (self) => ({
        summary: datastoreSummary(self),
        vm: vms(),
      })),
    );
    const network: Entity = this.#objects.add(
      new Entity(this.#ref('Network', 'network-', 'HaNetwork-VM Network'), 'VM Network', networkFolder, (self) => ({
        summary: data('NetworkSummary', { network: self.ref, name: self.name, accessible: true, ipPoolName: '' }),
        host: refs([host.ref]),
        vm: vms(),
      })),
    );
    return { entity, vmFolder, host, resourcePool, datastore, network };
  }

  #folder(kind: string, name: string, parent: Entity, childTypes: string[], hostAgentRef?: string): Entity {
    const id = `group-${kind}${this.#objects.nextId()}`;
    const ref = new MoRef('Folder', this.#hostAgent && hostAgentRef !== undefined ? hostAgentRef : id);
    return this.#objects.add(new Entity(ref, name, parent, (self) => folderFields(self, childTypes)));
  }

  #ref(type: string, prefix: string, hostAgentRef: string): MoRef {
    return new MoRef(type, this.#hostAgent ? hostAgentRef : `${prefix}${this.#objects.nextId()}`);
  }
}

function folderFields(folder: Entity, childTypes: string[]): Fields {
  return { childType: strings(childTypes), childEntity: refs(folder.children.map((child) => child.ref)) };
}

function hostRuntime() {
  return data('HostRuntimeInfo', {
    connectionState: enumOf('HostSystemConnectionState', 'connected'),
    powerState: enumOf('HostSystemPowerState', 'poweredOn'),
    inMaintenanceMode: false,
  });
}

function hostSummary(host: Entity) {
  return data('HostListSummary', {
    host: host.ref,
    runtime: hostRuntime(),
    config: data('HostConfigSummary', {
      name: host.name,
      port: 443,
      vmotionEnabled: false,
      faultToleranceEnabled: false,
    }),
    quickStats: data('HostListSummaryQuickStats'),
    overallStatus: enumOf('ManagedEntityStatus', 'green'),
    rebootRequired: false,
    customValue: arrayOf('CustomFieldValue', []),
  });
}

function datastoreSummary(datastore: Entity) {
  return data('DatastoreSummary', {
    datastore: datastore.ref,
    name: datastore.name,
    url: `ds:///vmfs/volumes/${datastore.ref.value}/`,
    capacity: 1_099_511_627_776n,
    freeSpace: 549_755_813_888n,
    accessible: true,
    multipleHostAccess: false,
    type: 'VMFS',
    maintenanceMode: 'normal',
  });
}
