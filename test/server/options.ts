import type { ServerCertificate } from './certificate.ts';
import type { ContentSource } from './content-source.ts';

/** How a test server comes to be. Everything has a default. */
export interface TestServerOptions {
  /** `VirtualCenter` when unset; `HostAgent` is an ESXi host that clients connect to directly. */
  apiType?: 'VirtualCenter' | 'HostAgent';
  /** Only this login works; `administrator@vsphere.local` / `secret` when unset. */
  credentials?: { username: string; password: string };
  /** The VMs; none when unset. */
  vms?: readonly VmOptions[];
  /** Where to listen; port 0 takes a free one. 127.0.0.1:0 when unset. */
  listen?: { host?: string; port?: number };
  /** Names beside localhost and 127.0.0.1 that the made certificates are good for. */
  hosts?: readonly string[];
  /** The certificate of the SOAP endpoint; a self-signed one is made when unset. */
  certificate?: ServerCertificate;
  /** Where lease urls point to: a second listener with an own self-signed certificate, the SOAP endpoint itself, or `*`. A vCenter has `esxi`, a host `*`, when unset. */
  diskHost?: 'esxi' | 'self' | '*';
  /** The hash of `sslThumbprint` in leases; `none` leaves it empty, `unknown` is of a kind that no client knows. A vCenter has `sha1`, a host `none`, when unset. */
  thumbprint?: 'sha1' | 'sha256' | 'none' | 'unknown';
  /** `sslCertificate` in leases, for clients that speak API version 9.0 or later; true when unset. */
  sslCertificate?: boolean;
  /** Objects per page of the property collector; 100 when unset. */
  pageSize?: number;
  /** How long a lease lives without a progress call; 300 when unset. */
  leaseTimeoutSeconds?: number;
  /** How long a lease stays in `initializing`; 20 when unset. */
  leaseInitializeMs?: number;
  /** `real`, when unset: the lease's NVRAM entry has neither target id nor size, and a url that ends with `.nvram`. */
  nvramEntry?: 'real' | 'like-a-disk';
  /** Order of `config.hardware.device` of VMs that do not say themselves; shuffled when unset. */
  deviceOrder?: DeviceOrder;
  /** How long tasks run; 20 when unset. */
  taskMs?: number;
  /** A session without a call for so long is over; 1800 when unset. */
  sessionIdleSeconds?: number;
  /**
   * What a client without a session gets when it reads properties, which needs no login: status 200 with every property
   * in `missingSet` (when unset), or with nothing at all. `fault` answers `NotAuthenticated` as to any other call, which
   * real servers do not.
   */
  propertiesWithoutSession?: 'missing-set' | 'nothing' | 'fault';
  /** Whether the end of a session also ends the leases that were opened in it; true when unset. */
  leasesEndWithSession?: boolean;
  /** When the session's cookie is set: with the first answer, or by `Login` as vCenter 9 does, when unset. */
  cookie?: 'first-call' | 'login';
  /** `sha256`: SHA-1, and SHA-256 where a client asked for it; `sha1`: asking faults; `none`: the manifest is empty. */
  manifest?: 'sha256' | 'sha1' | 'none';
  /** The API versions that the server says it speaks, the newest first. */
  versions?: readonly string[];
  /** How far the server's clock is ahead. */
  clockSkewSeconds?: number;
  /** Privileges that the account lacks, such as `VApp.Export`. */
  missingPrivileges?: readonly string[];
  /** Whether `CreateDescriptor` has an error for each passthrough device beside the descriptor that leaves it out. */
  passthroughErrors?: boolean;
  /** False: nobody is told which privileges an account has, as an ESXi host answers. */
  privilegeChecks?: boolean;
  /** `NoPermission` for every page but the first, as vCenter 7.0.3 to 8.0.2 answers accounts without rights on the root folder. */
  pagingDenied?: boolean;
  /** Disk bodies carry a Content-Length. Each is then made twice, once to count it. */
  contentLength?: boolean;
}

export type PowerState = 'poweredOn' | 'poweredOff' | 'suspended';

export interface VmOptions {
  /** As people see it. Slashes, backslashes and percent signs are escaped on the wire, as vSphere does. */
  name: string;
  /** `DC0` when unset. Without a meaning on a HostAgent. */
  datacenter?: string;
  /** The names of the folders from the datacenter's VM folder down. Without a meaning on a HostAgent. */
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
  cpus?: number;
  memoryMb?: number;
  networkCards?: readonly NetworkCardOptions[];
  snapshots?: readonly SnapshotOptions[];
  /** `running` when the VM is on and nothing is said. */
  tools?: 'running' | 'notRunning' | 'notInstalled';
  /** What `ShutdownGuest` comes to: off after a while (50 ms when unset), or never. */
  shutdown?: { afterMs: number } | 'never';
  /** What a quiesced snapshot comes to: `works`, silently not quiesced, or a task that fails. */
  quiesce?: 'works' | 'skipped' | 'fails';
  /** `config.changeVersion`; the same for every VM when unset. */
  changeVersion?: string;
  /** False as on storage without them: the disks have no `contentId`. */
  contentIds?: boolean;
  annotation?: string;
  consolidationNeeded?: boolean;
  /** What removing a snapshot leaves: nothing, or disk files that need to be consolidated. */
  snapshotRemoval?: 'works' | 'needs-consolidation';
  /**
   * How many operations are refused after each lease, while the host still has the VM's files open: by the call with
   * `TaskInProgress`, or by the task with `FileLocked`.
   */
  busyAfterLease?: { times: number; fault: 'TaskInProgress' | 'FileLocked' };
  /** Datastore path of an ISO image in a connected CD drive. */
  iso?: string;
  /** The image's file is gone, for which exports fail. */
  isoMissing?: boolean;
  /** Has a PCI passthrough device. */
  passthrough?: boolean;
  virtualTpm?: boolean;
  encrypted?: boolean;
  /** The account may not read it: it turns up in `missingSet`. */
  unreadable?: boolean;
  /** Order of `config.hardware.device`; that of the server's option when unset. */
  deviceOrder?: DeviceOrder;
  /** What boots first: a disk is its place in `disks`. Not set when unset. */
  bootOrder?: readonly ('cdrom' | 'ethernet' | number)[];
  /** The extension that the VM belongs to. One of type `cluster-agent` is a vCLS VM, whose methods are disabled. */
  managedBy?: { extensionKey: string; type: string };
  /** How leases show the VM's files. */
  lease?: LeaseOptions;
}

/** By key, or shuffled as real servers have it. */
export type DeviceOrder = 'by-key' | 'shuffled';

export interface LeaseOptions {
  /** Order of the disks' entries; as in `disks` when unset. */
  order?: 'as-added' | 'reversed';
  /** What numbers a controller in a device key: its bus, or its place among those of its type. The bus when unset. */
  keys?: 'bus' | 'index';
  /** False leaves the target id of disks out: it is for uploads in several parts only. */
  targetIds?: boolean;
}

export interface NetworkCardOptions {
  macAddress: string;
  /** `vmxnet3` when unset. */
  model?: 'vmxnet3' | 'e1000' | 'e1000e';
  /** `VM Network` when unset. */
  network?: string;
  /** None is told when unset. */
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
  /** What the disk holds, sent as a stream made on the fly, or a ready streamOptimized file with its capacity. */
  content: ContentSource | { file: string; capacityBytes: number };
  controller?: DiskController;
  /** Bus of the controller; when unset the VM's first of that type, or the next free one. */
  busNumber?: number;
  /** The next free one when unset. */
  unit?: number;
  /** As the lease names it; `disk-N.vmdk` when unset. */
  targetId?: string;
  mode?: 'persistent' | 'independent_persistent' | 'independent_nonpersistent';
  rawDeviceMapping?: 'physicalMode' | 'virtualMode';
  multiWriter?: boolean;
  encrypted?: boolean;
  /** See `StreamOptimizedOptions`. */
  lastGrain?: 'cut' | 'padded';
  compressionLevel?: number;
}
