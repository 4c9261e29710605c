import type { FileClaims } from '../../base/claims/file-claim.ts';
import type { RateLimiter } from '../../base/rate-limiter.ts';
import type { SharedWorkers } from '../../image/copy/shared-workers.ts';
import type { VsphereClient } from '../../vsphere/session/vsphere-client.ts';
import type { VmFacts } from '../../vsphere/vm/vm-facts.ts';
import type { ExportStep } from '../events.ts';
import type { NfcRun } from '../export/source/nfc-run.ts';
import type { TransferEvent } from '../export/types.ts';
import type { LeftSnapshots } from '../export/source/left-snapshots.ts';
import type { ServerHashes } from '../export/transfer/unproved-files.ts';
import type { Replica } from './replica/replica.ts';
import type { SyncEvent, SyncOptions } from './types.ts';

/** What the VMs of a run share. */
export interface SyncShared {
  client: VsphereClient;
  options: SyncOptions;
  job: string;
  limiter: RateLimiter | undefined;
  workers: SharedWorkers;
  hashes: ServerHashes;
  /** Random-access reads of this run. */
  nfc: NfcRun;
  claims: FileClaims;
  report: (event: TransferEvent) => void;
}

/** A run of `sync`. */
export interface SyncRun extends SyncShared {
  report: (event: SyncEvent) => void;
}

/** One VM of a run. */
export interface RoundScope extends SyncShared {
  vm: string;
  facts: VmFacts;
  /** The folder of the replica. */
  output: string;
  replica: Replica;
  left: LeftSnapshots;
  /** @throws kind `busy` when a VM runs on the replica. */
  requireFree: () => Promise<void>;
  leave: (sentence: string, isLasting?: boolean) => void;
  warn: (message: string) => void;
  step: (step: ExportStep, detail: string) => void;
}
