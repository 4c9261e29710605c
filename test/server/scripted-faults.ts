import type { ChangedAreasFault } from './disks/changed-areas.ts';
import type { NfcFault } from './nfc/nfc-faults.ts';
import type { MethodName } from './request-schema.ts';

/** Faults in the download of a disk or NVRAM file. `afterBytes` counts bytes of the file. */
export type DiskFault =
  /** The connection ends in the middle of the body, without a reset. */
  | { action: 'cut'; afterBytes: number }
  /** The connection stays open, but no more data arrives. */
  | { action: 'stall'; afterBytes: number }
  | { action: 'reset'; afterBytes: number }
  /** The body ends properly, but too early. */
  | { action: 'truncate'; afterBytes: number }
  /** One bit of the body differs from the data that the manifest covers. */
  | { action: 'flip-bit'; atByte: number }
  | { action: 'drip'; bytesPerSecond: number }
  /** The body stops after its first bytes and continues later. */
  | { action: 'hold'; until: Promise<unknown> }
  /** The body pauses and then continues, as it does while a host reads zeros. */
  | { action: 'silence'; afterBytes: number; ms: number }
  /** The status line is delayed by `ms`. */
  | { action: 'late'; ms: number }
  | { action: 'status'; status: number }
  /** Status 200 with an empty body, as vSAN hosts answer requests for the second URL of a lease. */
  | { action: 'empty' }
  | { action: 'lease-expires'; afterBytes: number }
  /** The whole server shuts down: it closes connections and refuses new ones. */
  | { action: 'go-away'; afterBytes: number };

/** Faults of a new lease. */
export type LeaseFault =
  /** The lease changes from `initializing` to `error`. */
  | { action: 'initialize-error'; fault: string; message?: string; cause?: { type: string; message: string } }
  | { action: 'target-id'; disk: string; targetId: string }
  /** The lease's thumbprint does not match the host's certificate. */
  | { action: 'wrong-thumbprint' };

/** Faults of one disk's entry in the manifest. */
export type ManifestFault =
  | { action: 'wrong-hash' }
  | { action: 'wrong-size' }
  /** The entry is missing, as if the disk had not been sent. */
  | { action: 'no-entry' }
  /** The entry has only the size. */
  | { action: 'no-hash' };

/** Faults of a task. */
export type TaskFault =
  /** The task does its work, but disappears before a client can read its result. */
  | { action: 'vanish' }
  /** The task fails with this fault instead of doing its work. */
  | { action: 'fail'; fault: string; message?: string }
  /** The task does its work when the promise is fulfilled. */
  | { action: 'hold'; until: Promise<unknown> };

/** Faults of merging disk files. Until it succeeds, the VM needs consolidation. */
export type ConsolidationFault =
  /** The snapshot is removed, but its files stay. */
  | { action: 'leave' }
  /** The task fails with `FileLocked`. After `RemoveSnapshot_Task` the snapshot is gone, too, but its files stay. */
  | { action: 'locked' };

/** Faults of a SOAP call. */
export type SoapFault =
  | { action: 'soap-fault'; fault: string; message?: string; cause?: { type: string; message: string } }
  /** All sessions expire before this call. */
  | { action: 'session-expired' }
  | { action: 'status'; status: number }
  | { action: 'empty' }
  | { action: 'reset' }
  /** The call is executed, but the connection breaks before the answer is sent. */
  | { action: 'lose-answer' }
  /** The call is never answered. */
  | { action: 'stall' }
  | { action: 'delay'; ms: number }
  /** The call is executed when the promise is fulfilled. */
  | { action: 'hold'; until: Promise<unknown> }
  | { action: 'go-away' };

/** `CreateDescriptor` succeeds, but its result contains errors or warnings. */
export interface DescriptorRemarks {
  action: 'remarks';
  errors?: readonly string[];
  warnings?: readonly string[];
}

interface Matching {
  /**
   * Undefined matches any target.
   * `disk`, `lease` and `manifest`: the disk's target ID or the VM's name.
   * `task`: the method that started it, or the VM's name.
   * `changed-areas`, `consolidation`: the VM's name.
   * `nfc`: the VM's name, or the path of the file.
   * SOAP methods: the VM's name.
   */
  target?: string;
  /** How many matching requests fail. Default: 1. */
  times?: number;
  /** How many matching requests succeed before the first failure. Default: 0. */
  skip?: number;
}

export type ScriptedFault =
  | (Matching & { on: 'disk' } & DiskFault)
  | (Matching & { on: 'lease' } & LeaseFault)
  | (Matching & { on: 'manifest' } & ManifestFault)
  | (Matching & { on: 'task' } & TaskFault)
  | (Matching & { on: 'changed-areas'; query?: 'allocated' | 'changes' } & ChangedAreasFault)
  | (Matching & { on: 'consolidation' } & ConsolidationFault)
  | (Matching & { on: 'nfc' } & NfcFault)
  | (Matching & { on: MethodName } & SoapFault)
  | (Matching & { on: 'CreateDescriptor' } & DescriptorRemarks);

type FaultOn<On extends ScriptedFault['on']> = ScriptedFault & { on: On };

function isOn<On extends ScriptedFault['on']>(fault: ScriptedFault, on: On): fault is FaultOn<On> {
  return fault.on === on;
}

/** The scripted faults. A matching request takes the first entry that is not used up. */
export class ScriptedFaults {
  #entries: { fault: ScriptedFault; skip: number; left: number }[] = [];

  add(fault: ScriptedFault): void {
    this.#entries.push({ fault, skip: fault.skip ?? 0, left: fault.times ?? 1 });
  }

  clear(): void {
    this.#entries = [];
  }

  /** Faults that have not occurred yet. Tests use this to assert that all of them occurred. */
  get pending(): ScriptedFault[] {
    return this.#entries.filter((entry) => entry.left > 0).map((entry) => entry.fault);
  }

  /**
   * Takes the fault for a request of kind `on`. `targets` are the names that match it. Faults that are not wanted wait for
   * another request.
   */
  take<On extends ScriptedFault['on']>(
    on: On,
    targets: readonly string[],
    isWanted: (fault: FaultOn<On>) => boolean = () => true,
  ): FaultOn<On> | undefined {
    for (const entry of this.#entries) {
      const { fault } = entry;
      if (!isOn(fault, on) || entry.left === 0) continue;
      if (fault.target !== undefined && !targets.includes(fault.target)) continue;
      if (!isWanted(fault)) continue;
      if (entry.skip > 0) {
        entry.skip -= 1;
        continue;
      }
      entry.left -= 1;
      return fault;
    }
    return undefined;
  }
}
