export type ExportStep =
  | 'connect'
  | 'find'
  | 'preflight'
  | 'shutdown'
  | 'snapshot'
  | 'lease'
  | 'download'
  | 'verify'
  | 'fix'
  | 'descriptor'
  | 'finish'
  | 'boot-test'
  | 'clean-up';

/**
 * What exports, conversions and boot tests report while they run. `vm` is the VM's name, or its inventory path where another VM of the run has the same name; `disk` is the name
 * of the file that the disk becomes, unique within the run.
 */
export type ProgressEvent =
  /** A step has begun; the one before it is over. */
  | { type: 'step'; vm: string | undefined; step: ExportStep; detail: string }
  | { type: 'warning'; vm: string | undefined; message: string }
  /** The disks (and NVRAM) of the VM that will be downloaded, once, before the first `disk-started`. */
  | { type: 'disks'; vm: string; disks: { disk: string; capacityBytes: number }[] }
  | { type: 'disk-started'; vm: string; disk: string; capacityBytes: number; attempt: number }
  /** At most some ten times a second. `coveredBytes` of the disk's capacity lie behind the last grain that came. */
  | { type: 'disk-progress'; vm: string; disk: string; receivedBytes: number; coveredBytes: number }
  | { type: 'disk-whole'; vm: string; disk: string; sizeBytes: number; sha256: string; seconds: number }
  /** Whole already from an earlier run, and not fetched again. */
  | { type: 'disk-kept'; vm: string; disk: string; sizeBytes: number; sha256: string };
