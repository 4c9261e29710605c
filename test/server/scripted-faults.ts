import type { MethodName } from './request-schema.ts';

/** What goes wrong with the body of a disk (or NVRAM) download. `afterBytes` counts bytes of the file. */
export type DiskFault =
  /** The connection ends in the middle, without a reset. */
  | { action: 'cut'; afterBytes: number }
  /** The connection stays open and silent. */
  | { action: 'stall'; afterBytes: number }
  | { action: 'reset'; afterBytes: number }
  /** The body ends cleanly, but too early. */
  | { action: 'truncate'; afterBytes: number }
  /** One bit differs from what the manifest counts. */
  | { action: 'flip-bit'; atByte: number }
  | { action: 'drip'; bytesPerSecond: number }
  /** The body waits behind its first bytes, and then goes on. */
  | { action: 'hold'; until: Promise<unknown> }
  /** The body pauses and then goes on, as it does while a host reads zeros. */
  | { action: 'silence'; afterBytes: number; ms: number }
  /** Not even the status comes for so long. */
  | { action: 'late'; ms: number }
  | { action: 'status'; status: number }
  /** 200 with an empty body, as vSAN hosts answer a second url of a lease. */
  | { action: 'empty' }
  | { action: 'lease-expires'; afterBytes: number }
  /** The whole server goes away: connections closed, new ones refused. */
  | { action: 'go-away'; afterBytes: number };

/** What goes wrong with a new lease. */
export type LeaseFault =
  /** It goes from `initializing` to `error`. */
  | { action: 'initialize-error'; fault: string; message?: string; cause?: { type: string; message: string } }
  | { action: 'target-id'; disk: string; targetId: string }
  /** The lease's thumbprint is not that of the host's certificate. */
  | { action: 'wrong-thumbprint' };

/** What goes wrong with one disk's entry of the manifest. */
export type ManifestFault =
  | { action: 'wrong-hash' }
  | { action: 'wrong-size' }
  /** As if it had not been sent. */
  | { action: 'no-entry' }
  /** The size alone. */
  | { action: 'no-hash' };

/** What goes wrong with a task that a call has started. */
export type TaskFault =
  /** It does its work and is gone before anybody can read how it ended. */
  | { action: 'vanish' }
  /** It ends with that fault instead of doing its work. */
  | { action: 'fail'; fault: string; message?: string }
  /** It does its work when that has come. */
  | { action: 'hold'; until: Promise<unknown> };

/** What goes wrong with a SOAP call. */
export type SoapFault =
  | { action: 'soap-fault'; fault: string; message?: string; cause?: { type: string; message: string } }
  /** All sessions are over, before this call. */
  | { action: 'session-expired' }
  | { action: 'status'; status: number }
  | { action: 'empty' }
  | { action: 'reset' }
  /** The call is done, but its answer is lost with the connection. */
  | { action: 'lose-answer' }
  /** The answer never comes. */
  | { action: 'stall' }
  | { action: 'delay'; ms: number }
  /** The call is done when that has come. */
  | { action: 'hold'; until: Promise<unknown> }
  | { action: 'go-away' };

/** `CreateDescriptor` works, but says so in its result. */
export interface DescriptorRemarks {
  action: 'remarks';
  errors?: readonly string[];
  warnings?: readonly string[];
}

interface Matching {
  /** `disk`, `lease` and `manifest`: the disk's target id, or the VM's name. `task`: the method that started it, or the VM's name. SOAP methods: the VM's name. Undefined is any. */
  target?: string;
  /** How many matching requests go wrong; 1 when unset. */
  times?: number;
  /** How many matching requests go right before; 0 when unset. */
  skip?: number;
}

export type ScriptedFault =
  | (Matching & { on: 'disk' } & DiskFault)
  | (Matching & { on: 'lease' } & LeaseFault)
  | (Matching & { on: 'manifest' } & ManifestFault)
  | (Matching & { on: 'task' } & TaskFault)
  | (Matching & { on: MethodName } & SoapFault)
  | (Matching & { on: 'CreateDescriptor' } & DescriptorRemarks);

type FaultOn<On extends ScriptedFault['on']> = ScriptedFault & { on: On };

function isOn<On extends ScriptedFault['on']>(fault: ScriptedFault, on: On): fault is FaultOn<On> {
  return fault.on === on;
}

/** The script of what goes wrong: every matching request takes the first entry that has something left. */
export class ScriptedFaults {
  #entries: { fault: ScriptedFault; skip: number; left: number }[] = [];

  add(fault: ScriptedFault): void {
    this.#entries.push({ fault, skip: fault.skip ?? 0, left: fault.times ?? 1 });
  }

  clear(): void {
    this.#entries = [];
  }

  /** Faults that have not happened yet: a test that scripted them may ask whether they all did. */
  get pending(): ScriptedFault[] {
    return this.#entries.filter((entry) => entry.left > 0).map((entry) => entry.fault);
  }

  /** Takes the fault for a request on `on`; `targets` are the names that it goes by. */
  take<On extends ScriptedFault['on']>(on: On, targets: readonly string[]): FaultOn<On> | undefined {
    for (const entry of this.#entries) {
      const { fault } = entry;
      if (!isOn(fault, on) || entry.left === 0) continue;
      if (fault.target !== undefined && !targets.includes(fault.target)) continue;
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
