import type { VsphereClient } from '../../vsphere/session/vsphere-client.ts';
import { readPowerState } from '../../vsphere/vm/vm-facts.ts';
import type { BootTestResult } from '../boot-test/types.ts';
import type { HardwareReport } from '../domain/make-domain.ts';
import type { ExportStep } from '../events.ts';
import type { FixReport } from '../fix-guest/types.ts';
import type { FoundVm } from '../export/plan/find-vms.ts';
import { openReplica, type ReplicaScope } from '../sync/open-replica.ts';
import type { SyncShared } from '../sync/scope.ts';
import type { CutoverState } from './cutover-state.ts';
import type { CutoverEvent, CutoverOptions, CutoverRound, CutoverStep } from './types.ts';

/** A cutover or rollback whose folder is locked. */
export interface PlaceScope {
  client: VsphereClient;
  found: FoundVm;
  env: NodeJS.ProcessEnv;
  /** The folder of the replica. */
  output: string;
  state: CutoverState;
  warnings: string[];
  leftBehind: string[];
  /** The time limit for the guest to shut down. */
  shutdownLimitMs: number;
  warn: (message: string) => void;
  step: (step: ExportStep, detail: string) => void;
}

/** What the steps of a cutover found. */
export interface CutoverFindings {
  rounds: CutoverRound[];
  guest?: FixReport;
  hardware?: HardwareReport;
  bootTest?: BootTestResult;
}

export interface CutoverScope extends PlaceScope {
  options: CutoverOptions;
  shared: SyncShared;
  findings: CutoverFindings;
  /** True once, if an earlier run was killed in this step. */
  takesOver: (step: CutoverStep) => boolean;
  report: (event: CutoverEvent) => void;
}

/** Opens the replica, after a check that no VM runs on it. Applies a round that was fetched. */
export function replicaOf(scope: CutoverScope, signal: AbortSignal): Promise<ReplicaScope> {
  const { found, shared, output, warnings, leftBehind } = scope;
  return openReplica(found, { ...shared, output, warnings, leftBehind }, signal);
}

export async function isSourceOff({ client, found }: PlaceScope, signal: AbortSignal): Promise<boolean> {
  return (await readPowerState(client, found.vm.ref, signal)) === 'poweredOff';
}
