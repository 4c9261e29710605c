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
  | 'start'
  | 'clean-up';

/**
 * Progress events of exports, conversions and boot tests. `vm` is the VM's name, or its inventory path if another VM
 * of the run has the same name. `disk` is the name of the output file of the disk, unique within the run.
 */
export type ProgressEvent =
  /** A step has begun; the previous one is finished. */
  | { type: 'step'; vm: string | undefined; step: ExportStep; detail: string }
  | { type: 'warning'; vm: string | undefined; message: string }
  /** The disks (and NVRAM) of the VM to download. Sent once, before the first `disk-started`. */
  | { type: 'disks'; vm: string; disks: { disk: string; capacityBytes: number }[] }
  | { type: 'disk-started'; vm: string; disk: string; capacityBytes: number; attempt: number }
  /**
   * Sent at most about ten times a second. `coveredBytes` is the part of the disk's capacity up to the last received
   * grain.
   */
  | { type: 'disk-progress'; vm: string; disk: string; receivedBytes: number; coveredBytes: number }
  | { type: 'disk-complete'; vm: string; disk: string; sizeBytes: number; sha256: string; seconds: number }
  /** The file is already complete from an earlier run and is not downloaded again. */
  | { type: 'disk-kept'; vm: string; disk: string; sizeBytes: number; sha256: string };
