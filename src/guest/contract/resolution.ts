import type { BlockDevice } from '../guest.ts';

/** What a name leads to on the target. `unknown`: it may lead somewhere, which cannot be judged. */
export type Resolution =
  | {
      state: 'found';
      device: BlockDevice;
      /** True for a name that only the order or the hardware of the disks gives. */ byHardware: boolean;
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
