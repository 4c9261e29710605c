import { Inventory } from './inventory.ts';
import type { HttpNfcLease } from './http-nfc-lease.ts';
import { NfcHost } from './nfc/nfc-host.ts';
import { ObjectRegistry } from './object-registry.ts';
import type { TestServerOptions, VmOptions } from './options.ts';
import { ScriptedFaults } from './scripted-faults.ts';
import type { CallRecord, DownloadRecord } from './server-state.ts';
import { addManagers, managerRef } from './service-content.ts';
import { SessionStore } from './session-store.ts';
import { MoRef } from './value.ts';
import { VirtualMachine } from './virtual-machine.ts';

/** The options with all defaults applied. */
export type ServiceOptions = Required<Omit<TestServerOptions, 'certificate' | 'esxiCertificate' | 'nfc'>>;

/** The origin of lease URLs, such as `https://127.0.0.1:40123` or one with the host `*`, and the matching thumbprint. */
export interface DiskEndpoint {
  origin: string;
  thumbprint: string;
  certificatePem: string;
}

/** The server's state and behavior, independent of the transport. */
export class Service {
  readonly options: ServiceOptions;
  readonly objects = new ObjectRegistry();
  readonly inventory: Inventory;
  readonly sessions: SessionStore;
  readonly faults = new ScriptedFaults();
  readonly leases: HttpNfcLease[] = [];
  readonly calls: CallRecord[] = [];
  readonly downloads: DownloadRecord[] = [];
  /** Undefined if the server has no NFC service. */
  readonly nfc: NfcHost | undefined;
  /** Set when the listeners have their ports. */
  diskEndpoint: DiskEndpoint = { origin: '', thumbprint: '', certificatePem: '' };
  /** Makes the server refuse all connections from now on. */
  goAway: () => void = () => undefined;

  constructor(options: TestServerOptions) {
    const apiType = options.apiType ?? 'VirtualCenter';
    this.options = {
      credentials: { username: 'administrator@vsphere.local', password: 'secret' },
      vms: [],
      listen: {},
      hosts: [],
      diskHost: apiType === 'HostAgent' ? '*' : 'esxi',
      thumbprint: apiType === 'HostAgent' ? 'none' : 'sha1',
      sslCertificate: true,
      pageSize: 100,
      leaseTimeoutSeconds: 300,
      leaseInitializeMs: 20,
      nvramEntry: 'real',
      deviceOrder: 'shuffled',
      taskMs: 20,
      changeWindows: { areas: 2000, spanBytes: Infinity },
      sessionIdleSeconds: 1800,
      propertiesWithoutSession: 'missing-set',
      leasesEndWithSession: true,
      cookie: 'login',
      manifest: 'sha256',
      versions: [
        '9.1.0.0',
        '9.0.0.0',
        '8.0.3.0',
        '8.0.2.0',
        '8.0.1.0',
        '8.0.0.1',
        '7.0.3.2',
        '7.0.0.0',
        '6.7.3',
        '6.7',
        '6.5',
      ],
      clockSkewSeconds: 0,
      missingPrivileges: [],
      passthroughErrors: true,
      privilegeChecks: apiType === 'VirtualCenter',
      pagingDenied: false,
      contentLength: false,
      ...options,
      apiType,
    };
    this.nfc = options.nfc === undefined ? undefined : new NfcHost(this, options.nfc);
    this.sessions = new SessionStore(this.options.sessionIdleSeconds);
    this.inventory = new Inventory(this.objects, apiType);
    this.inventory.datacenter('DC0');
    addManagers(this);
    for (const vm of this.options.vms) this.addVm(vm);
  }

  now(): Date {
    return new Date(Date.now() + this.options.clockSkewSeconds * 1000);
  }

  addVm(options: VmOptions): VirtualMachine {
    const datacenter = this.inventory.datacenter(options.datacenter ?? 'DC0');
    const folder = this.inventory.vmFolder(datacenter, options.folder ?? []);
    const id = this.objects.nextId();
    const ref = new MoRef(
      'VirtualMachine',
      options.moRef ?? (this.options.apiType === 'HostAgent' ? `${id}` : `vm-${id}`),
    );
    const { deviceOrder } = this.options;
    return this.objects.add(new VirtualMachine(ref, folder, datacenter, { deviceOrder, ...options }, this.objects));
  }

  vms(): VirtualMachine[] {
    return this.objects.all().filter((object) => object instanceof VirtualMachine);
  }

  /** The path prefix of lease URLs. */
  get nfcPath(): string {
    return this.options.apiType === 'HostAgent' ? '/ha-nfc/' : '/nfc/';
  }

  /** Whether `ref` is the default property collector, which every session has. */
  isDefaultCollector(ref: MoRef): boolean {
    return ref.value === managerRef('propertyCollector', this.options.apiType).value;
  }
}
