import type { VmHardware } from '../../vsphere/vm/vm-hardware.ts';

export const VM_ACTIONS = ['info', 'shutdown', 'poweroff', 'remove-cdrom'] as const;
export type VmAction = (typeof VM_ACTIONS)[number];

/** A VM as `info` reports it. */
export interface VmInfo {
  name: string;
  inventoryPath: string;
  moRef: string;
  powerState: string;
  guest: string;
  toolsRunning: boolean;
  instanceUuid: string;
  disks: { label: string; capacityBytes: number }[];
  snapshots: string[];
  hardware: VmHardware;
}

export interface VmActionResult {
  vm: string;
  /** False if nothing was changed: the VM was already off, or has no drive. */
  changed: boolean;
  /** What was done, as a sentence. */
  sentence: string;
  /** Present for `info`. */
  info?: VmInfo;
}
