import type { SyncDocument } from '../../operations/documents/schemas.ts';
import type { Rehearsal, SyncResult, VmSyncResult } from '../../operations/sync/types.ts';
import { bootTestDocument } from './boot-test-document.ts';
import { fixReportDocument } from './fix-report-document.ts';

/** The `result` of `sync --json`. */
export function syncDocument({ job, state, synced, skipped, failed }: SyncResult): SyncDocument {
  return {
    job,
    state,
    synced: synced.map(vmDocument),
    skipped: skipped.map(({ vm, moRef, inventoryPath, reason, output, step, since }) => ({
      vm,
      moRef,
      inventoryPath,
      reason,
      output,
      step,
      since,
    })),
    failed: failed.map(({ vm, error, leftBehind }) => ({ vm, error, leftBehind })),
  };
}

function vmDocument(result: VmSyncResult): SyncDocument['synced'][number] {
  return {
    vm: result.vm,
    moRef: result.moRef,
    inventoryPath: result.inventoryPath,
    format: result.format,
    output: result.output,
    round: result.round,
    takenAt: result.takenAt,
    disks: result.disks.map(({ label, file, capacityBytes, reading, reason, changedBytes, repairedBytes }) => ({
      label,
      file,
      capacityBytes,
      reading,
      reason,
      changedBytes,
      repairedBytes,
    })),
    transferredBytes: result.transferredBytes,
    changedBytes: result.changedBytes,
    repairedBytes: result.repairedBytes,
    enabledTracking: result.enabledTracking,
    quiesced: result.quiesced,
    fetchSeconds: result.fetchSeconds,
    applySeconds: result.applySeconds,
    seconds: result.seconds,
    nextRoundSeconds: result.nextRoundSeconds,
    rehearsal: result.rehearsal && rehearsalDocument(result.rehearsal),
    downtime: result.downtime,
    warnings: result.warnings,
    leftBehind: result.leftBehind,
  };
}

function rehearsalDocument(rehearsal: Rehearsal): SyncDocument['synced'][number]['rehearsal'] {
  const { takenAt, guest, hardware, bootTest, fixSeconds, bootSeconds, seconds, error } = rehearsal;
  return {
    takenAt,
    isGood: error === undefined,
    error,
    guest: guest && fixReportDocument(guest),
    hardware,
    bootTest: bootTest && bootTestDocument(bootTest),
    fixSeconds,
    bootSeconds,
    seconds,
  };
}
