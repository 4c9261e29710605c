import type { ErrorKind } from '../base/errors.ts';

/** How far a job has come, as its process wrote it. */
export type JobState = 'running' | 'done' | 'partial' | 'failed' | 'interrupted';

/** What the record of one job holds; times are ISO 8601 in UTC. No secret is ever in it. */
export interface JobRecord {
  /** Sorts by time: `20261122T140102Z-export-1a2b3c4d`. */
  id: string;
  kind: 'export' | 'boot-test';
  state: JobState;
  /** What was asked for: server as `host:port`, VMs as they were named, format, output folder. Of a boot test: no server, the domain's or disk's name, and its path. */
  request: { server: string; vms: string[]; format: string; output: string };
  startedAt: string;
  endedAt?: string;
  /** What the process of an ended job exits with. */
  exitCode?: number;
  /** The file with the output of a detached job. */
  log?: string;
  process: JobProcess;
  /** Bytes received from the server so far. */
  transferredBytes: number;
  /** How much of all VMs' disks is here, 0 to 100; 100 only when the job has ended well. Absent while no size is known. */
  percent?: number;
  files: { path: string; sizeBytes: number; sha256?: string }[];
  vms: {
    vm: string;
    state: 'running' | 'done' | 'skipped' | 'failed' | 'interrupted';
    error?: JobError;
    leftBehind?: string[];
  }[];
  error?: JobError;
}

/** Enough to tell whether the process still lives: a pid alone is reused. */
export interface JobProcess {
  pid: number;
  hostname: string;
  /** Field 22 of /proc/PID/stat (clock ticks since boot), or null where the system has no /proc. */
  startTicks: string | null;
  /** /proc/sys/kernel/random/boot_id, or null. */
  bootId: string | null;
  /** The namespace of process ids, as /proc/self/ns/pid names it: containers count from 1, each on its own. Null where it cannot be known, and in records of earlier versions. */
  pidNamespace?: string | null;
}

export interface JobError {
  kind: ErrorKind | 'interrupted';
  message: string;
  hint?: string;
}

/** A record as it is shown: `running` becomes `interrupted` when its process is gone. */
export interface JobView extends JobRecord {
  file: string;
  /** Why the record cannot be read, as a sentence; the other fields are then only what the file's name tells. */
  problem?: string;
}
