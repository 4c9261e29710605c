import type { ErrorKind } from '../../base/errors.ts';
import type { JobError } from '../../jobs/job-record.ts';
import type { NotifyOptions } from '../../jobs/notify-command.ts';
import type { ConnectionSettings } from '../../vsphere/connection/connection-settings.ts';
import type { BootTestResult } from '../boot-test/types.ts';
import type { DomainOptions } from '../domain/types.ts';
import type { HardwareReport } from '../domain/make-domain.ts';
import type { EncodeOptions } from '../encode-options.ts';
import type { ProgressEvent } from '../events.ts';
import type { FixReport, FixOptions } from '../fix-guest/types.ts';

/** What an export leaves: an OVF folder, one OVA tar, the bare disks with their manifest, or images for KVM with a libvirt domain. */
export const EXPORT_FORMATS = ['ovf', 'ova', 'vmdk', 'qcow2', 'raw'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** How the disks of a VM that may be running come to rest for the export. */
export type PowerChoice =
  /** The VM must be powered off already. */
  | { kind: 'as-is' }
  /** An own temporary snapshot, removed afterwards. */
  | { kind: 'snapshot'; quiesce: boolean }
  /** A snapshot that the user made. */
  | { kind: 'from-snapshot'; name: string }
  /** Guest shutdown; after `limitMinutes` power-off when `forcePowerOff`, else a failure. */
  | { kind: 'shutdown'; limitMinutes: number; forcePowerOff: boolean; restart: boolean };

export interface ExportOptions extends DomainOptions {
  connection: ConnectionSettings;
  /** One word per VM: inventory path, name, glob, MoRef, BIOS or instance UUID. At least one. */
  vms: string[];
  /** They were read from a list, which can grow: each VM gets a folder of its own, however many there are today. */
  isList?: boolean | undefined;
  /** The output folder; undefined means `./<vm name>` for each VM. With several VMs, each gets a folder in it. */
  output: string | undefined;
  /** What the files, the folder of the VM and the descriptor call it; undefined is its own name. For one VM only. */
  name?: string | undefined;
  encode: EncodeOptions<ExportFormat>;
  /** What becomes of the guest in images; `planOnly` is not for exports. */
  guest: FixOptions;
  /** Boot each VM whose images are whole. */
  bootTest: boolean;
  power: PowerChoice;
  /** Disks in flight at once within a VM; an OVA takes one at a time. */
  parallel: number;
  /** Bytes a second over all disks; undefined is no limit. */
  limitRateBytes: number | undefined;
  /** A disk whose first bytes take longer is cut and tried again. */
  firstByteTimeoutMs: number;
  /** A disk that has begun and is silent for so long is cut and tried again. */
  stallTimeoutMs: number;
  /** Tries per disk beyond the first. */
  retries: number;
  /** Replace files of the same name. */
  force: boolean;
  /** Of the files that are written; undefined is 0600. */
  mode?: number | undefined;
  /** Makes each export a new generation, in a folder of its own, and removes all but the newest so many. Undefined makes none. */
  keep?: number | undefined;
  /** A VM that is as it was at its last whole export into that place is skipped. */
  ifChanged?: boolean | undefined;
  /** VMs at once. */
  jobs: number;
  /** A VM whose whole export is recorded in its folder is kept, and not exported again. */
  skipExisting: boolean;
  /** The share of the VMs that is this run's; undefined is all. */
  shard?: Shard | undefined;
  /** What is run when the job has ended; undefined runs nothing. */
  notify?: NotifyOptions | undefined;
  /** Tells where job records go, and where programs are. */
  env: NodeJS.ProcessEnv;
  /** Of an export in a process of its own: what was reserved for its record, and what is called when the job has begun. */
  detached?: { id: string; log: string; onBegin: () => void } | undefined;
}

/** One of `count` shares of a list, `index` from 0. */
export interface Shard {
  index: number;
  count: number;
}

/**
 * What happens while VMs are exported, of each VM in order. `vm` is the VM's name, or its inventory path where another VM of the run has the same name; `disk` is
 * the name of the file that the disk becomes, unique within the run.
 */
export type ExportEvent =
  | { type: 'vm-started'; vm: string; inventoryPath: string; index: number; count: number; output: string }
  | ProgressEvent
  /** Attempt `attempt` failed for `reason`; the next one starts in `waitMs`. */
  | { type: 'disk-retry'; vm: string; disk: string; attempt: number; attempts: number; waitMs: number; reason: string }
  | { type: 'vm-finished'; vm: string; result: VmExportResult }
  /** Instead of `vm-started` and all that follows it. */
  | { type: 'vm-skipped'; vm: string; result: SkippedVm }
  /** `leftBehind` is what clean-up could not remove from the server, a sentence each. */
  | { type: 'vm-failed'; vm: string; error: unknown; leftBehind?: string[] };

export interface ExportedFile {
  /** Absolute path. */
  path: string;
  sizeBytes: number;
  /** Hex. Absent for an OVA: the hashes of its members are in its manifest. */
  sha256?: string;
}

/** A disk of the VM and the file that it became. */
export interface ExportedDisk {
  /** As vSphere shows it: `Hard disk 1`. */
  label: string;
  /** `[datastore] folder/file.vmdk`; with a snapshot, the file that holds the state of the snapshot. */
  datastoreFile: string;
  /** The name of the file; in an OVA, of its member. */
  file: string;
  capacityBytes: number;
}

/** One VM that was exported whole. */
export interface VmExportResult {
  vm: string;
  moRef: string;
  inventoryPath: string;
  format: ExportFormat;
  output: string;
  /** The final files in their order. An OVA is one file. */
  files: ExportedFile[];
  /** Which disk of the VM became which file, in the order of the hardware. Undefined for an export by an earlier version. */
  disks?: ExportedDisk[];
  /** Bytes that came over the wire in this run. */
  transferredBytes: number;
  capacityBytes: number;
  /** Names of disks kept from an earlier run. */
  keptDisks: string[];
  /** Undefined when no quiesced snapshot was asked for. */
  quiesced?: boolean;
  /** What the domain runs on, where one was written. */
  hardware?: HardwareReport;
  /** The address of the libvirt where the domain was defined. */
  defined?: string;
  /** What was changed in the guest, where somebody looked. */
  guest?: FixReport;
  /** Where one was asked for. A guest that did not come up is told here; its images stay. */
  bootTest?: BootTestResult;
  /** With `ifChanged`: why the VM was exported, as a clause. */
  changed?: string;
  /** With `keep`: the names of the generations, the newest first, and of those that were removed. */
  generations?: { kept: string[]; removed: string[] };
  /** What was warned of, and what clean-up could not remove from the server. */
  warnings: string[];
  /** What stays on the server until somebody removes it, a sentence each: the export is complete, and not a success. */
  leftBehind?: string[];
  /** Without what was done with the files after they had come: the fix and the boot test. Rates are of this time. Undefined in records of earlier versions. */
  fetchSeconds?: number;
  /** All but the boot test. */
  seconds: number;
}

/** What is done with the files of an export after they are complete. */
export type PendingStep = 'define' | 'boot-test';

/** One VM that was not exported again, since what an earlier run left of it is whole. */
export interface SkippedVm {
  vm: string;
  moRef: string;
  inventoryPath: string;
  reason: 'already-whole' | 'unchanged';
  format: ExportFormat;
  output: string;
  files: ExportedFile[];
  /** When the files became whole; ISO 8601, UTC. */
  exportedAt: string;
  /** In a dry run: what would be done with the files that are there. */
  pending?: PendingStep[];
  /** As in {@link VmExportResult}: a snapshot of an earlier run that could not be removed this time either. */
  leftBehind?: string[];
}

/** One VM that was not. */
export interface VmExportFailure {
  vm: string;
  error: JobError;
  /** What clean-up could not remove from the server, a sentence each. */
  leftBehind: string[];
  /** Whole files that stay, as `.partial`, for the same command to go on from. */
  keptForNextRun: string[];
}

export interface ExportResult {
  job: string;
  state: 'done' | 'partial' | 'failed' | 'interrupted';
  /** This and the others in the order of the list. */
  exported: VmExportResult[];
  skipped: SkippedVm[];
  failed: VmExportFailure[];
  /** With a shard: how many VMs were its own, of how many. */
  share?: Shard & { vms: number; ofVms: number };
}

/** One line of the check that comes before any lease. */
export interface PreflightFinding {
  level: 'ok' | 'warning' | 'error';
  /** What was looked at, in a few words: `power state`, `free space`. */
  check: string;
  detail: string;
  hint?: string;
  /** The kind of failure that an error finding stands for. */
  kind?: ErrorKind;
}

/** What an export would do, without touching the server. */
export interface ExportPlan {
  vm: string;
  moRef: string;
  inventoryPath: string;
  powerState: string;
  guest: string;
  format: ExportFormat;
  output: string;
  disks: { disk: string; label: string; datastoreFile: string; capacityBytes: number; expectedBytes: number }[];
  /** The names that would be written, in `output`. */
  files: string[];
  expectedBytes: number;
  freeBytes: number;
  findings: PreflightFinding[];
}

/** Sums over the plans of a dry run. Those that are refused count in `vms` only. */
export interface PlanTotals {
  vms: number;
  /** VMs that would be exported. */
  exportable: number;
  disks: number;
  capacityBytes: number;
  expectedBytes: number;
  /** The least that is free in any of the output folders: those on one file system share it. Null without a plan. */
  freeBytes: number | null;
}

export interface DryRunResult {
  plans: ExportPlan[];
  skipped: SkippedVm[];
  failed: VmExportFailure[];
  totals: PlanTotals;
}

export type { OperationContext } from '../operation-context.ts';
