import type { BlockDevice } from '../guest.ts';

/** The device that a name refers to on the target. `unknown`: it may refer to one, but that cannot be determined. */
export type Resolution =
  | {
      state: 'found';
      device: BlockDevice;
      /** True for a name that depends on the order or the hardware of the disks. */ byHardware: boolean;
    }
  | { state: 'missing' | 'unknown'; reason: string };

export function found(device: BlockDevice, byHardware = false): Resolution {
  return { state: 'found', device, byHardware };
}

export function missing(reason: string): Resolution {
  return { state: 'missing', reason };
}

export function unknown(reason: string): Resolution {
  return { state: 'unknown', reason };
}
