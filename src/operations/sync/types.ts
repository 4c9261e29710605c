import type { ReplicaFormat } from '../../image/replica/replica-format.ts';
import type { NotifyOptions } from '../../jobs/notify-command.ts';
import type { JobError } from '../../jobs/job-record.ts';
import type { ConnectionSettings } from '../../vsphere/connection/connection-settings.ts';
import type { BootTestResult } from '../boot-test/types.ts';
import type { HardwareReport } from '../domain/make-domain.ts';
import type { DomainOptions } from '../domain/types.ts';
import type { CutoverStep } from './replica/cutover-record.ts';
import type { ExportedFile, ExportEvent, TransferEvent, Transport, VmExportFailure } from '../export/types.ts';
import type { FixOptions, FixReport } from '../fix-guest/types.ts';

export { REPLICA_FORMATS } from '../../image/replica/replica-format.ts';

/** How the guest of a replica is prepared for KVM and described. */
export interface GuestOptions extends Pick<DomainOptions, 'hardware' | 'networks'> {
  guest: FixOptions;
}

export interface SyncOptions {
  connection: ConnectionSettings;
  /** As in `ExportOptions`. */
  vms: string[];
  isList: boolean;
  /** The folder of the replicas; each VM has a folder in it. */
  output: string;
  format: ReplicaFormat;
  /** Quiesce the guest file systems for the snapshot. */
  quiesce: boolean;
  /** Read only what changed, by changed block tracking. */
  tracking: boolean;
  /** How disks are read. */
  transport: Transport;
  /** Requests in flight for each disk with NFC. */
  nfcDepth: number;
  /** Read everything over this transport, and compare it with the replica. */
  audit?: 'lease' | 'nfc' | undefined;
  /** After the round, prepare the guest and boot it in overlays over the replica. */
  rehearsal?: GuestOptions | undefined;
  /** Number of concurrent VMs, and of disks of each. */
  jobs: number;
  parallel: number;
  limitRateBytes: number | undefined;
  firstByteTimeoutMs: number;
  stallTimeoutMs: number;
  retries: number;
  /** The permissions of new images. */
  mode: number;
  notify?: NotifyOptions | undefined;
  env: NodeJS.ProcessEnv;
}

/** How the new state of a disk was found. */
export type DiskReading =
  /** Everything was read into a new image. */
  | 'new'
  /** The areas that the server reports as changed were read. */
  | 'changed'
  /** Everything was read, and compared with the replica. */
  | 'compared';

/** A disk of a round. */
export interface SyncedDisk {
  label: string;
  /** The file name in the folder of the replica. */
  file: string;
  capacityBytes: number;
  reading: DiskReading;
  /** Why everything was read, as a clause; null if only the changed areas were. */
  reason: string | null;
  /** Bytes of the replica that this round changed, in pieces of 4 KiB. */
  changedBytes: number;
  /** With an audit: the part of them that the server did not report as changed. Null if it reported nothing. */
  repairedBytes?: number | null;
}

/** What a rehearsal found. The replica is as it was before. */
export interface Rehearsal {
  /** The point in time of the replica; ISO 8601, UTC. */
  takenAt: string;
  /** Undefined with `--fix off`, or if the fix failed. */
  guest?: FixReport;
  hardware?: HardwareReport;
  bootTest?: BootTestResult;
  /** The time until the guest was prepared; null if that failed. */
  fixSeconds: number | null;
  /** From the start of the VM to the first sign of life; null if there was none. */
  bootSeconds: number | null;
  seconds: number;
  /** Why it failed. Undefined if the guest came up. */
  error?: JobError;
}

/** How long a VM would be off in a cutover that begins now, and the parts of that. */
export interface DowntimeForecast {
  /** Null while something is missing. Without the shutdown of the guest. */
  seconds: number | null;
  /** The final round. */
  roundSeconds: number | null;
  /** Preparing the guest, and its start until the first sign of life, as in the last rehearsal. */
  fixSeconds: number | null;
  bootSeconds: number | null;
  /** The boot was in emulation, which is slower than KVM. */
  isBootEmulated?: true;
  /** Bytes to fetch for each second that the VM runs, and the rate at which a round fetches and applies them. */
  changedBytesPerSecond: number | null;
  transferBytesPerSecond: number | null;
  /** What has to be done before there is a forecast. */
  missing: ('second-round' | 'rehearsal' | 'good-rehearsal')[];
}

/** The result of a round of one VM. */
export interface VmSyncResult {
  vm: string;
  moRef: string;
  inventoryPath: string;
  format: ReplicaFormat;
  /** The folder of the replica. */
  output: string;
  /** The number of this round, from 1. */
  round: number;
  /** The point in time that the replica now holds; ISO 8601, UTC. */
  takenAt: string;
  disks: SyncedDisk[];
  files: ExportedFile[];
  /** Bytes received over the network. */
  transferredBytes: number;
  changedBytes: number;
  /** With an audit: bytes that differed although the server did not report them as changed. They are repaired. */
  repairedBytes?: number;
  /** This round switched on changed block tracking. */
  enabledTracking?: true;
  /** Undefined when no quiesced snapshot was requested. */
  quiesced?: boolean;
  fetchSeconds: number;
  applySeconds: number;
  seconds: number;
  /** How long a round would take that begins as soon as this one has ended, in seconds. */
  nextRoundSeconds?: number;
  rehearsal?: Rehearsal;
  downtime: DowntimeForecast;
  warnings: string[];
  leftBehind?: string[];
}

/** A replica in a folder, as `status` shows it. */
export interface ReplicaView {
  vm: string;
  folder: string;
  /** The number of complete rounds. */
  round: number;
  /** The point in time that the replica holds; null before its first round. */
  takenAt: string | null;
  /** A fetched round is not applied yet; the next run does that. */
  isPending: boolean;
  /** How long a round would take; null before the second one. */
  nextRoundSeconds: number | null;
  /** Null if the record cannot be read. */
  downtime: DowntimeForecast | null;
  /** The last rehearsal; null without one. */
  rehearsal: { takenAt: string; rehearsedAt: string; isGood: boolean; problem?: string } | null;
  /** Why the record cannot be read. */
  problem?: string;
}

/** A VM whose replica belongs to a cutover, and was not touched. */
export interface CutOverReplica {
  vm: string;
  moRef: string;
  inventoryPath: string;
  reason: 'cutover';
  /** The folder of the replica. */
  output: string;
  /** The step of the cutover. */
  step: CutoverStep;
  /** When the cutover began; ISO 8601, UTC. */
  since: string;
}

export interface SyncResult {
  job: string;
  state: 'done' | 'partial' | 'failed' | 'interrupted';
  synced: VmSyncResult[];
  skipped: CutOverReplica[];
  failed: VmExportFailure[];
}

/** Progress events of `sync`: those of an export, except that a VM ends with the result of its round. */
export type SyncEvent =
  | TransferEvent
  | (Extract<ExportEvent, { type: 'vm-started' | 'vm-failed' }> & { work: 'sync' })
  | Extract<ExportEvent, { type: 'run-started' | 'totals' }>
  | { type: 'vm-finished'; vm: string; result: VmSyncResult }
  | { type: 'vm-skipped'; vm: string; result: CutOverReplica };
