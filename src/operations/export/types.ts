import type { ErrorKind } from '../../base/errors.ts';
import type { JobError } from '../../jobs/job-record.ts';
import type { NotifyOptions } from '../../jobs/notify-command.ts';
import type { ConnectionSettings } from '../../vsphere/connection/connection-settings.ts';
import type { DiskChoice } from '../../vsphere/vm/select-disks.ts';
import type { BootTestResult } from '../boot-test/types.ts';
import type { DomainOptions } from '../domain/types.ts';
import type { HardwareReport } from '../domain/make-domain.ts';
import type { EncodeOptions } from '../encode-options.ts';
import type { ProgressEvent } from '../events.ts';
import type { FixReport, FixOptions } from '../fix-guest/types.ts';
import type { GuestNetReport } from '../guest-net/types.ts';

/** The output formats: an OVF folder, one OVA tar, standalone disks with their manifest, or images for KVM with a libvirt domain. */
export const EXPORT_FORMATS = ['ovf', 'ova', 'vmdk', 'qcow2', 'raw'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** How disks are read: the export lease, random-access reads over NFC, or NFC where it is available and the lease elsewhere. */
export const TRANSPORTS = ['lease', 'nfc', 'auto'] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** How the disks of a VM that may be running are brought to rest for the export. */
export type PowerChoice =
  /** The VM must already be powered off. */
  | { kind: 'as-is' }
  /** A temporary snapshot of this program, removed afterwards. */
  | { kind: 'snapshot'; quiesce: boolean }
  /** A snapshot made by the user. */
  | { kind: 'from-snapshot'; name: string }
  /** Guest shutdown; after `limitMinutes`, power-off with `forcePowerOff`, otherwise a failure. */
  | { kind: 'shutdown'; limitMinutes: number; forcePowerOff: boolean; restart: boolean };

export interface ExportOptions extends DomainOptions {
  connection: ConnectionSettings;
  /** One argument per VM: inventory path, name, glob, MoRef, BIOS or instance UUID. At least one. */
  vms: string[];
  /** The VMs were read from a list, which can grow: each VM gets its own folder, however many are listed today. */
  isList?: boolean | undefined;
  /** The output folder; undefined means `./<vm name>` for each VM. With several VMs, each gets a folder inside it. */
  output: string | undefined;
  /** The name for the files, the VM's folder and the descriptor; undefined means the VM's own name. Only for a single VM. */
  name?: string | undefined;
  /** The disks of each VM to export; undefined means all. */
  disks?: DiskChoice | undefined;
  encode: EncodeOptions<ExportFormat>;
  /** How to prepare the guest in images; `planOnly` does not apply to exports. */
  guest: FixOptions;
  /** Boot each VM whose images are complete. */
  bootTest: boolean;
  /** A NIC that does not use its expected address fails the boot test. */
  requireAddresses?: boolean | undefined;
  power: PowerChoice;
  /** Concurrent disks per VM; an OVA takes one at a time. */
  parallel: number;
  /** How the disks are read. */
  transport: Transport;
  /** Requests in flight for each disk with random-access reads. */
  nfcDepth: number;
  /** Download the disks once more in this way, and compare the content with what was written. */
  audit?: 'lease' | undefined;
  /** Bytes per second over all disks; undefined means no limit. */
  limitRateBytes: number | undefined;
  /** A disk whose first bytes take longer is disconnected and retried. */
  firstByteTimeoutMs: number;
  /** A disk that has begun and is silent for this long is disconnected and retried. */
  stallTimeoutMs: number;
  /** Attempts per disk after the first. */
  retries: number;
  /** Replace existing files with the same names. */
  force: boolean;
  /** File mode of the written files; undefined means 0600. */
  mode?: number | undefined;
  /** Write a manifest of the images too. Packages always have one. */
  manifest?: boolean | undefined;
  /** Creates each export as a new generation in its own folder, and removes all but this many of the newest. Undefined creates none. */
  keep?: number | undefined;
  /** Skip a VM that has not changed since its last complete export into the same folder. */
  ifChanged?: boolean | undefined;
  /** Number of concurrent VMs. */
  jobs: number;
  /** Keep a VM's recorded complete export in its folder, and do not export the VM again. */
  skipExisting: boolean;
  /** The share of the VMs that this run exports; undefined means all. */
  shard?: Shard | undefined;
  /** The command to run when the job has ended; undefined runs nothing. */
  notify?: NotifyOptions | undefined;
  /** Determines the location of job records and programs. */
  env: NodeJS.ProcessEnv;
  /** For an export in its own process: the reserved job ID and log, and a callback for when the job has begun. */
  detached?: { id: string; log: string; onBegin: () => void } | undefined;
}

/** One of `count` shares of a list; `index` starts at 0. */
export interface Shard {
  index: number;
  count: number;
}

/** The events of downloading the files of a VM. */
export type TransferEvent =
  | ProgressEvent
  /** Attempt `attempt` failed with `reason`; the next one starts in `waitMs`. */
  | { type: 'disk-retry'; vm: string; disk: string; attempt: number; attempts: number; waitMs: number; reason: string };

/**
 * Progress events of VM exports; the events of each VM are in order. `vm` is the name of the VM, or its inventory path
 * when another VM in the run has the same name. `disk` is the name of the file that the disk becomes, unique within the
 * run.
 */
export type ExportEvent =
  /** The VMs of the run are known. Sent once, before the first VM begins. */
  | { type: 'run-started'; job: string; vms: RunVm[] }
  /** Sent after each event that changes the totals. */
  | { type: 'totals'; totals: RunTotals }
  | { type: 'vm-started'; vm: string; inventoryPath: string; index: number; count: number; output: string }
  | TransferEvent
  | { type: 'vm-finished'; vm: string; result: VmExportResult }
  /** Sent instead of `vm-started` and all events that follow it. */
  | { type: 'vm-skipped'; vm: string; result: SkippedVm }
  /**
   * `leftBehind` lists what clean-up could not remove from the server, one sentence each, and `keptForNextRun` the files
   * that stay as `.partial`.
   */
  | { type: 'vm-failed'; vm: string; error: unknown; leftBehind?: string[]; keptForNextRun?: string[] };

/** A VM of a run. */
export interface RunVm {
  vm: string;
  inventoryPath: string;
  /** The capacity of its disks; undefined when it is not known before the VM begins. */
  capacityBytes: number | undefined;
}

/** The progress of all VMs of a run. */
export interface RunTotals {
  /** All VMs of the run. `exported`, `skipped` and `failed` have ended. */
  vms: number;
  exported: number;
  skipped: number;
  failed: number;
  /**
   * The capacity of the disks, as far as it is known, and the part of it that is done. A VM that was skipped does not
   * count, and of a VM that failed only the part that was done.
   */
  capacityBytes: number;
  coveredBytes: number;
  /** Received from the server, including attempts that failed. */
  receivedBytes: number;
  /** An integer from 0 to 99; undefined while no size is known. */
  percent?: number;
}

export interface ExportedFile {
  /** Absolute path. */
  path: string;
  sizeBytes: number;
  /** SHA-256 in hex. Absent for an OVA: its manifest contains the hashes of the members. */
  sha256?: string;
}

/** A disk of the VM and its output file. */
export interface ExportedDisk {
  /** The label in vSphere: `Hard disk 1`. */
  label: string;
  /** `[datastore] folder/file.vmdk`; for a snapshot, the file with the snapshot's state. */
  datastoreFile: string;
  /** The file name; for an OVA, the name of the member. */
  file: string;
  capacityBytes: number;
}

/** A disk of the VM that was not selected. */
export interface LeftOutDisk {
  /** The number in hardware order, from 1. */
  number: number;
  label: string;
  datastoreFile: string;
  capacityBytes: number;
}

/** The result for one completely exported VM. */
export interface VmExportResult {
  vm: string;
  moRef: string;
  inventoryPath: string;
  format: ExportFormat;
  output: string;
  /** The final files in order. An OVA is one file. */
  files: ExportedFile[];
  /** The assignment of the VM's disks to files, in hardware order. Undefined for an export by an earlier version. */
  disks?: ExportedDisk[];
  /** The disks that were not selected, if there are any. */
  leftOut?: LeftOutDisk[];
  /** Bytes received over the network in this run. */
  transferredBytes: number;
  capacityBytes: number;
  /** Names of the disks kept from an earlier run. */
  keptDisks: string[];
  /** Undefined when no quiesced snapshot was requested. */
  quiesced?: boolean;
  /** The virtual hardware of the domain, if one was written. */
  hardware?: HardwareReport;
  /** The libvirt URI where the domain was defined. */
  defined?: string;
  /** What was changed in the guest, if it was inspected. */
  guest?: FixReport;
  /** The addresses of the guest on VMware. Undefined in records of earlier versions. */
  guestNet?: GuestNetReport;
  /** Present if requested. It records a failed boot; the images stay. */
  bootTest?: BootTestResult;
  /** With `audit`: what was compared, without a difference. */
  audit?: ExportAudit;
  /** With `ifChanged`: why the VM was exported, as a clause. */
  changed?: string;
  /** With `keep`: the names of the kept generations, newest first, and of the removed ones. */
  generations?: { kept: string[]; removed: string[] };
  /** Warnings, and what clean-up could not remove from the server. */
  warnings: string[];
  /** What stays on the server until somebody removes it, one sentence each: the export is complete but not a success. */
  leftBehind?: string[];
  /**
   * Excludes the steps after the download: the fix and the boot test. Rates are based on this time. Undefined in
   * records of earlier versions.
   */
  fetchSeconds?: number;
  /** Excludes only the boot test. */
  seconds: number;
}

/** An audit without a difference. */
export interface ExportAudit {
  transport: 'lease';
  /** The files whose content was compared. */
  disks: string[];
  /** Bytes received for it. */
  transferredBytes: number;
}

/** A step that runs on the files of an export after they are complete. */
export type PendingStep = 'define' | 'boot-test';

/** One VM that was not exported again, because the export of an earlier run is complete. */
export interface SkippedVm {
  vm: string;
  moRef: string;
  inventoryPath: string;
  reason: 'already-whole' | 'unchanged';
  format: ExportFormat;
  output: string;
  files: ExportedFile[];
  /** When the files were completed; ISO 8601, UTC. */
  exportedAt: string;
  /** In a dry run: the steps that would run on the existing files. */
  pending?: PendingStep[];
  /** As in {@link VmExportResult}: a snapshot of an earlier run that still could not be removed. */
  leftBehind?: string[];
}

/** One VM whose export failed. */
export interface VmExportFailure {
  vm: string;
  error: JobError;
  /** What clean-up could not remove from the server, one sentence each. */
  leftBehind: string[];
  /** Files that stay as `.partial`, so that the same command can resume: complete ones, and disks that it can continue. */
  keptForNextRun: string[];
}

export interface ExportResult {
  job: string;
  state: 'done' | 'partial' | 'failed' | 'interrupted';
  /** All three lists are in the order of the VM list. */
  exported: VmExportResult[];
  skipped: SkippedVm[];
  failed: VmExportFailure[];
  /** From the login to the end of the last VM. */
  seconds?: number;
  /** With a shard: the number of its own VMs, and of all VMs. */
  share?: Shard & { vms: number; ofVms: number };
}

/** One finding of the checks before any lease. */
export interface PreflightFinding {
  level: 'ok' | 'warning' | 'error';
  /** The checked item in a few words: `power state`, `free space`. */
  check: string;
  detail: string;
  hint?: string;
  /** The kind of failure for a finding of level error. */
  kind?: ErrorKind;
}

/** What an export would do, without any change on the server. */
export interface ExportPlan {
  vm: string;
  moRef: string;
  inventoryPath: string;
  powerState: string;
  guest: string;
  format: ExportFormat;
  output: string;
  disks: { disk: string; label: string; datastoreFile: string; capacityBytes: number; expectedBytes: number }[];
  /** The disks that are not selected, if there are any. */
  leftOut?: LeftOutDisk[];
  /** The file names that would be written in `output`. */
  files: string[];
  expectedBytes: number;
  freeBytes: number;
  findings: PreflightFinding[];
}

/** Totals over the plans of a dry run. Refused plans count only in `vms`. */
export interface PlanTotals {
  vms: number;
  /** Number of VMs that would be exported. */
  exportable: number;
  disks: number;
  capacityBytes: number;
  expectedBytes: number;
  /** The minimum free space over all output folders: folders on one file system share it. Null without a plan. */
  freeBytes: number | null;
}

export interface DryRunResult {
  plans: ExportPlan[];
  skipped: SkippedVm[];
  failed: VmExportFailure[];
  totals: PlanTotals;
}

export type { OperationContext } from '../operation-context.ts';
