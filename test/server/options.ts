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
  /** The hash of `sslThumbprint` in leases; `sha1` when unset, `none` leaves it empty. */
  thumbprint?: 'sha1' | 'sha256' | 'none';
  /** Objects per page of the property collector; 100 when unset. */
  pageSize?: number;
  /** How long a lease lives without a progress call; 300 when unset. */
  leaseTimeoutSeconds?: number;
  /** How long a lease stays in `initializing`; 20 when unset. */
  leaseInitializeMs?: number;
  /** How long tasks run; 20 when unset. */
  taskMs?: number;
  /** A session without a call for so long is over; 1800 when unset. */
  sessionIdleSeconds?: number;
  /**
   * What a client without a session gets when it reads properties, which needs no login: status 200 with every property
   * in `missingSet`, or with nothing at all. `fault` answers `NotAuthenticated` as to any other call, which real
   * servers do not.
   */
  propertiesWithoutSession?: 'missing-set' | 'nothing' | 'fault';
  /** Whether the end of a session also ends the leases that were opened in it. */
  leasesEndWithSession?: boolean;
  /** When the session's cookie is set: with the first answer, or by `Login` as vCenter 9 does. */
  cookie?: 'first-call' | 'login';
  /** `sha256`: SHA-1, and SHA-256 where a client asked for it; `sha1`: asking faults; `none`: the manifest is empty. */
  manifest?: 'sha256' | 'sha1' | 'none';
  /** The API versions that the server says it speaks, the newest first. */
  versions?: readonly string[];
  /** How far the server's clock is ahead. */
  clockSkewSeconds?: number;
  /** Privileges that the account lacks, such as `VApp.Export`. */
  missingPrivileges?: readonly string[];
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
  /** Datastore path of an ISO image in a connected CD drive. */
  iso?: string;
  /** Has a PCI passthrough device. */
  passthrough?: boolean;
  virtualTpm?: boolean;
  encrypted?: boolean;
  /** The account may not read it: it turns up in `missingSet`. */
  unreadable?: boolean;
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

export type DiskController = 'lsilogic' | 'pvscsi' | 'sata' | 'nvme';

export interface DiskOptions {
  /** What the disk holds, sent as a stream made on the fly, or a ready streamOptimized file with its capacity. */
  content: ContentSource | { file: string; capacityBytes: number };
  controller?: DiskController;
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
