import type { ServerCertificate } from './certificate.ts';
import type { ContentSource } from './content-source.ts';
import type { WindowLimits } from './disks/changed-areas.ts';
import type { GuestNetOptions } from './guest-net.ts';
import type { NfcOptions } from './nfc/nfc-options.ts';

/** Options of a test server. All are optional. */
export interface TestServerOptions {
  /** Default: `VirtualCenter`. `HostAgent` is an ESXi host that clients connect to directly. */
  apiType?: 'VirtualCenter' | 'HostAgent';
  /** The only valid login. Default: `administrator@vsphere.local` / `secret`. */
  credentials?: { username: string; password: string };
  /** The VMs. Default: none. */
  vms?: readonly VmOptions[];
  /** The address to listen on. Port 0 selects a free port. Default: 127.0.0.1:0. */
  listen?: { host?: string; port?: number };
  /** Names for the generated certificates, in addition to localhost and 127.0.0.1. */
  hosts?: readonly string[];
  /** The certificate of the SOAP endpoint. Default: a new self-signed one. */
  certificate?: ServerCertificate;
  /** The certificate of the "ESXi" listener and of the NFC endpoint. Default: a new self-signed one. Not used by a HostAgent. */
  esxiCertificate?: ServerCertificate;
  /**
   * The host in lease URLs: a second listener with its own self-signed certificate, the SOAP endpoint itself, or `*`.
   * Default: `esxi` on a vCenter, `*` on a host.
   */
  diskHost?: 'esxi' | 'self' | '*';
  /**
   * The hash algorithm of `sslThumbprint` in leases. `none` leaves it empty; `unknown` is one that clients do not support.
   * Default: `sha1` on a vCenter, `none` on a host.
   */
  thumbprint?: 'sha1' | 'sha256' | 'none' | 'unknown';
  /** Whether leases contain `sslCertificate` for clients of API version 9.0 or later. Default: true. */
  sslCertificate?: boolean;
  /** Objects per page of the property collector. Default: 100. */
  pageSize?: number;
  /** Seconds until a lease expires without a progress call. Default: 300. */
  leaseTimeoutSeconds?: number;
  /** Milliseconds for which a lease stays in state `initializing`. Default: 20. */
  leaseInitializeMs?: number;
  /** `real` (default): the lease's NVRAM entry has no target ID and no size, and its URL ends with `.nvram`. */
  nvramEntry?: 'real' | 'like-a-disk';
  /** Order of `config.hardware.device` for VMs that do not set it. Default: shuffled. */
  deviceOrder?: DeviceOrder;
  /** The size of an answer of `QueryChangedDiskAreas`. Default: 2000 areas, any span. */
  changeWindows?: WindowLimits;
  /** Duration of tasks in milliseconds. Default: 20. */
  taskMs?: number;
  /** Seconds without a call until a session expires. Default: 1800. */
  sessionIdleSeconds?: number;
  /**
   * What a client without a session gets when it reads properties, a call that does not require a login.
   * `missing-set` (default): status 200 with every property in `missingSet`. `nothing`: status 200 without objects.
   * `fault`: `NotAuthenticated` as for any other call, which real servers do not answer here.
   */
  propertiesWithoutSession?: 'missing-set' | 'nothing' | 'fault';
  /** Whether the end of a session also ends the leases that it opened. Default: true. */
  leasesEndWithSession?: boolean;
  /** When the session cookie is set: with the first answer, or by `Login` (default) as vCenter 9 does. */
  cookie?: 'first-call' | 'login';
  /** `sha256`: SHA-1, or SHA-256 if the client requests it. `sha1`: such a request fails. `none`: the manifest is empty. */
  manifest?: 'sha256' | 'sha1' | 'none';
  /** The API versions that the server reports, newest first. */
  versions?: readonly string[];
  /** Seconds by which the server's clock is ahead. */
  clockSkewSeconds?: number;
  /** Privileges that the account does not have, such as `VApp.Export`. */
  missingPrivileges?: readonly string[];
  /** Whether `CreateDescriptor` reports an error for each passthrough device that the descriptor omits. */
  passthroughErrors?: boolean;
  /** False: the server does not report the privileges of accounts, as an ESXi host does not. */
  privilegeChecks?: boolean;
  /** `NoPermission` for every page except the first. vCenter 7.0.3 to 8.0.2 does this for accounts without rights on the root folder. */
  pagingDenied?: boolean;
  /** Whether disk responses have a Content-Length. If so, each is generated twice: the first pass only counts the bytes. */
  contentLength?: boolean;
  /** The NFC service with its endpoint. `{}` switches it on with defaults. Default: no NFC service. */
  nfc?: NfcOptions;
}

export type PowerState = 'poweredOn' | 'poweredOff' | 'suspended';

export interface VmOptions {
  /** The name as people see it. Slashes, backslashes and percent signs are escaped in the API, as vSphere does. */
  name: string;
  /** Default: `DC0`. Ignored on a HostAgent. */
  datacenter?: string;
  /** Names of the folders below the datacenter's VM folder. Ignored on a HostAgent. */
  folder?: readonly string[];
  moRef?: string;
  powerState?: PowerState;
  template?: boolean;
  disks?: readonly DiskOptions[];
  /** Undefined: the VM has no NVRAM file. */
  nvram?: Uint8Array;
  biosUuid?: string;
  instanceUuid?: string;
  guestId?: string;
  guestFullName?: string;
  firmware?: 'bios' | 'efi';
  secureBoot?: boolean;
  /** Further settings of its `.vmx`. */
  extraConfig?: Readonly<Record<string, string>>;
  cpus?: number;
  memoryMb?: number;
  networkAdapters?: readonly NetworkCardOptions[];
  /**
   * `guest.net` and `guest.ipStack`. The server keeps them when VMware Tools have stopped. Default: tools that report
   * nothing.
   */
  guestNet?: GuestNetOptions;
  snapshots?: readonly SnapshotOptions[];
  /** Default: `running` when the VM is powered on. */
  tools?: 'running' | 'notRunning' | 'notInstalled';
  /** Result of `ShutdownGuest`: the VM powers off after a delay (default: 50 ms), or never. */
  shutdown?: { afterMs: number } | 'never';
  /** Result of a quiesced snapshot: it works, it is silently not quiesced, or the task fails. */
  quiesce?: 'works' | 'skipped' | 'fails';
  /** `config.changeVersion`. Default: the same value for every VM. */
  changeVersion?: string;
  /** False: the disks have no `contentId`, as on storage that does not support it. */
  contentIds?: boolean;
  annotation?: string;
  consolidationNeeded?: boolean;
  /** Default: 19. Changes are tracked from version 7 on. */
  hardwareVersion?: number;
  /** Default: changes can be tracked, but are not. */
  changeTracking?: ChangeTrackingOptions;
  /** How long the files of a removed snapshot take to merge, in milliseconds. Meanwhile, the VM is busy. Default: 0. */
  consolidationMs?: number;
  /** State after the removal of a snapshot: clean, or with disk files that need consolidation. */
  snapshotRemoval?: 'works' | 'needs-consolidation';
  /**
   * How many operations fail after each lease because the host still has the VM's files open.
   * Either the call fails with `TaskInProgress`, or the task with `FileLocked`.
   */
  busyAfterLease?: { times: number; fault: 'TaskInProgress' | 'FileLocked' };
  /** Datastore path of an ISO image in a connected CD drive. */
  iso?: string;
  /** The file of the ISO image does not exist, so exports fail. */
  isoMissing?: boolean;
  /** The VM has a PCI passthrough device. */
  passthrough?: boolean;
  virtualTpm?: boolean;
  encrypted?: boolean;
  /** The account may not read the VM: its properties are in `missingSet`. */
  unreadable?: boolean;
  /** Order of `config.hardware.device`. Default: that of the server options. */
  deviceOrder?: DeviceOrder;
  /** The boot order. A number is the index of a disk in `disks`. Default: not set. */
  bootOrder?: readonly ('cdrom' | 'ethernet' | number)[];
  /** The extension that manages the VM. With type `cluster-agent` it is a vCLS VM, whose methods are disabled. */
  managedBy?: { extensionKey: string; type: string };
  /** How leases present the VM's files. */
  lease?: LeaseOptions;
}

/** Changed block tracking of a VM. */
export interface ChangeTrackingOptions {
  /** Whether changes are tracked from the start. Default: false. */
  enabled?: boolean;
  /** False: the VM does not support it although its hardware version does. */
  supported?: boolean;
  /**
   * Result of switching it on while the VM has snapshots. `ineffective` (default): the configuration says that it is on,
   * but no disk is tracked until the first snapshot after all of these are gone. `refused`: the task fails.
   */
  withSnapshots?: 'ineffective' | 'refused';
  /** `empty`: disks have an empty `changeId` although the configuration says that changes are tracked. */
  changeIds?: 'set' | 'empty';
  /** The areas for the change ID `*`: what is allocated (default), one area as long as the disk, or a fault. */
  allocated?: 'exact' | 'whole' | 'fault';
  /** Changes are tracked in blocks of this size. Default: 65536. */
  blockBytes?: number;
}

/** Sorted by key, or shuffled as on real servers. */
export type DeviceOrder = 'by-key' | 'shuffled';

export interface LeaseOptions {
  /** Raw device mappings: the server refuses a lease on the VM (default), offers them, or offers the other disks only. */
  mapped?: 'refused' | 'offered' | 'left-out';
  /** Order of the disk entries. Default: as in `disks`. */
  order?: 'as-added' | 'reversed';
  /** The controller number in device keys: its bus number (default), or its index among controllers of its type. */
  keys?: 'bus' | 'index';
  /** False: disk entries have no target ID. The API reference defines it only for multi-part uploads. */
  targetIds?: boolean;
}

export interface NetworkCardOptions {
  macAddress: string;
  /** Default: `vmxnet3`. */
  model?: 'vmxnet3' | 'e1000' | 'e1000e';
  /** Default: `VM Network`. */
  network?: string;
  /** Default: not reported. */
  pciSlotNumber?: number;
}

export interface SnapshotOptions {
  name: string;
  description?: string;
  quiesced?: boolean;
  children?: readonly SnapshotOptions[];
}

export type DiskController = 'lsilogic' | 'lsisas' | 'pvscsi' | 'sata' | 'nvme' | 'ide';

export interface DiskOptions {
  /** The content of the disk, sent as a generated stream, or an existing streamOptimized file with its capacity. */
  content: ContentSource | { file: string; capacityBytes: number };
  controller?: DiskController;
  /** Bus number of the controller. Default: the VM's first controller of that type, or the next free bus. */
  busNumber?: number;
  /** Default: the next free unit. */
  unit?: number;
  /** Target ID in the lease. Default: `disk-N.vmdk`. */
  targetId?: string;
  mode?: 'persistent' | 'independent_persistent' | 'independent_nonpersistent';
  rawDeviceMapping?: 'physicalMode' | 'virtualMode';
  multiWriter?: boolean;
  /** The disk's controller is shared with other VMs. */
  sharedBus?: 'virtualSharing' | 'physicalSharing';
  encrypted?: boolean;
  /** See `StreamOptimizedOptions`. */
  lastGrain?: 'cut' | 'padded';
  compressionLevel?: number;
}
