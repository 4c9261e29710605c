import type { ErrorKind } from '../base/errors.ts';

/** The state of a job, as written by its process. */
export type JobState = 'running' | 'done' | 'partial' | 'failed' | 'interrupted';

/** The contents of a job record; times are ISO 8601 in UTC. It never contains a secret. */
export interface JobRecord {
  /** Sorts by time: `20261122T140102Z-export-1a2b3c4d`. */
  id: string;
  kind: 'export' | 'boot-test' | 'sync' | 'cutover';
  state: JobState;
  /**
   * The request: server as `host:port`, VMs as named by the user, format, output folder. For a boot test: no server,
   * the name of the domain or disk, and its path.
   */
  request: { server: string; vms: string[]; format: string; output: string };
  startedAt: string;
  endedAt?: string;
  /** The exit code of the process; set when the job has ended. */
  exitCode?: number;
  /** The log file of a detached job. */
  log?: string;
  process: JobProcess;
  /** Bytes received from the server so far. */
  transferredBytes: number;
  /** The received share of the disks of all VMs, 0 to 100; 100 only when the job has succeeded. Absent while no size is known. */
  percent?: number;
  /** The progress of all VMs; absent for a boot test, and in records of earlier versions. */
  totals?: JobTotals;
  files: { path: string; sizeBytes: number; sha256?: string }[];
  vms: {
    vm: string;
    state: 'running' | 'done' | 'skipped' | 'failed' | 'interrupted';
    /** Of a running VM: what is being done, and how much. */
    step?: string;
    progress?: JobBytes;
    error?: JobError;
    /** The labels of the disks that were not selected. */
    leftOut?: string[];
    leftBehind?: string[];
  }[];
  error?: JobError;
}

/** Progress in bytes: the capacity of the disks, the part of it that is done, and the bytes received for it. */
export interface JobBytes {
  capacityBytes: number;
  coveredBytes: number;
  receivedBytes: number;
}

export interface JobTotals extends JobBytes {
  vms: number;
  exported: number;
  skipped: number;
  failed: number;
}

/** Identifies a process well enough to determine whether it still runs: a PID alone is reused. */
export interface JobProcess {
  pid: number;
  hostname: string;
  /** Field 22 of /proc/PID/stat (clock ticks since boot), or null on a system without /proc. */
  startTicks: string | null;
  /** /proc/sys/kernel/random/boot_id, or null. */
  bootId: string | null;
  /**
   * The PID namespace from /proc/self/ns/pid, because each container numbers its processes from 1. Null when unknown;
   * absent in records of earlier versions.
   */
  pidNamespace?: string | null;
}

export interface JobError {
  kind: ErrorKind | 'interrupted';
  message: string;
  hint?: string;
}

/** A record as displayed: `running` becomes `interrupted` when its process no longer exists. */
export interface JobView extends JobRecord {
  file: string;
  /** Why the record cannot be read, as a sentence. The other fields then contain only what the file name shows. */
  problem?: string;
}
