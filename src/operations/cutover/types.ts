import type { BootTestResult } from '../boot-test/types.ts';
import type { DomainOptions } from '../domain/types.ts';
import type { HardwareReport } from '../domain/make-domain.ts';
import type { ExportedFile, ExportEvent, TransferEvent } from '../export/types.ts';
import type { FixOptions, FixReport } from '../fix-guest/types.ts';
import type { CutoverStep } from '../sync/replica/cutover-record.ts';
import type { SyncOptions } from '../sync/types.ts';

export type { CutoverStep };

/** The options of the rounds, as for `sync`. */
type RoundOptions = Pick<
  SyncOptions,
  | 'connection'
  | 'output'
  | 'tracking'
  | 'transport'
  | 'nfcDepth'
  | 'audit'
  | 'parallel'
  | 'limitRateBytes'
  | 'firstByteTimeoutMs'
  | 'stallTimeoutMs'
  | 'retries'
  | 'mode'
  | 'notify'
  | 'env'
>;

export interface CutoverOptions extends RoundOptions, Pick<DomainOptions, 'hardware' | 'networks' | 'define'> {
  /** One VM, named as for an export. */
  vm: string;
  /** How to prepare the guest for KVM; `planOnly` does not apply. */
  guest: FixOptions;
  /** Boot the guest on overlays before the changes become part of the replica. */
  bootTest: boolean;
  /** Require that the last rehearsal was good. */
  needsRehearsal: boolean;
  /** Start the domain, and wait for a sign of life. Needs `define`. */
  start: boolean;
  /** Run warm rounds until a shorter downtime is forecast; undefined runs one. */
  maxDowntimeSeconds: number | undefined;
  /** A replica that is older is refused. */
  maxAgeMs: number;
  /** The time limit for the guest to shut down. */
  shutdownLimitMs: number;
  /** Power off the VM if its guest does not shut down in time. */
  forcePowerOff: boolean;
  /** Leave the source off after a failure. */
  keepOff: boolean;
  /** How long to wait for a round of `sync` that is running. */
  roundLimitMs: number;
  /** How long to wait for a sign of life. */
  startLimitMs: number;
}

export type RollbackOptions = Pick<
  CutoverOptions,
  'connection' | 'output' | 'vm' | 'shutdownLimitMs' | 'roundLimitMs' | 'notify' | 'env'
> & {
  /** Roll back a finished cutover: what the guest wrote here is lost. */
  force: boolean;
};

/** A round of a cutover. */
export interface CutoverRound {
  kind: 'warm' | 'final' | 'audit';
  takenAt: string;
  changedBytes: number;
  transferredBytes: number;
  seconds: number;
}

/** The time without the VM. */
export interface Downtime {
  /** From the request to shut down to the confirmation that the source is off. */
  shutdownSeconds: number;
  /** From that confirmation to the sign of life; without `start`, to the end of the cutover. */
  seconds: number;
  /** `seconds` by step, in order. */
  parts: { step: CutoverStep; seconds: number }[];
}

interface EndedVm {
  job: string;
  vm: string;
  moRef: string;
  inventoryPath: string;
  /** The folder of the replica. */
  output: string;
  warnings: string[];
  leftBehind?: string[];
  seconds: number;
}

/** The result of a cutover that finished, in this run or an earlier one. */
export interface CutoverResult extends EndedVm {
  state: 'done';
  /** When the cutover finished; ISO 8601, UTC. */
  finishedAt: string;
  /** The domain here. `uri` is null if it was not defined. */
  domain: { path: string; name: string; uuid: string | null; uri: string | null; isStarted: boolean };
  /** Undefined if an earlier run made the domain. */
  hardware?: HardwareReport;
  /** What was changed in the guest, if this run prepared it. */
  guest?: FixReport;
  /** Present if requested, and if this run carried it out. */
  bootTest?: BootTestResult;
  /** The rounds of this run. */
  rounds: CutoverRound[];
  /** The first sign of life; null without `start`. */
  sign: 'guest-agent' | 'network' | null;
  /** Null if the source was off from the beginning. */
  downtime: Downtime | null;
  files: ExportedFile[];
}

/** The result of a rollback. */
export interface RollbackResult extends EndedVm {
  state: 'rolled-back';
  /** The step at which the cutover was. */
  step: CutoverStep;
  /** `on`: it was powered on, or was still running. `off`: it was off before the cutover too. */
  source: 'on' | 'off';
  /** What became of the domain here; null if there was none. */
  domain: { name: string; wasStopped: boolean; wasUndefined: boolean } | null;
  files: ExportedFile[];
}

/** Progress events: those of `sync`, except for the result. */
export type CutoverEvent =
  | TransferEvent
  | (Extract<ExportEvent, { type: 'vm-started' | 'vm-failed' }> & { work: 'cutover' })
  | Extract<ExportEvent, { type: 'run-started' | 'totals' }>
  | { type: 'vm-finished'; vm: string; result: CutoverResult | RollbackResult };
