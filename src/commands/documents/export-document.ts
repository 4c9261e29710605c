import type { DetachedJob } from '../../operations/detach/types.ts';
import type { DetachedDocument, DryRunDocument, ExportDocument } from '../../operations/documents/schemas.ts';
import type {
  DryRunResult,
  ExportResult,
  SkippedVm,
  VmExportFailure,
  VmExportResult,
} from '../../operations/export/types.ts';
import { bootTestDocument } from './boot-test-document.ts';
import { fixReportDocument } from './fix-report-document.ts';

/** The `result` of `export --json`. */
export function exportDocument(result: ExportResult): ExportDocument;
export function exportDocument(
  result: ExportResult | DryRunResult | DetachedJob,
): ExportDocument | DryRunDocument | DetachedDocument;
export function exportDocument(
  result: ExportResult | DryRunResult | DetachedJob,
): ExportDocument | DryRunDocument | DetachedDocument {
  if ('pid' in result) return { job: result.job, pid: result.pid, log: result.log };
  if ('plans' in result) return dryRunDocument(result);
  const { job, state, exported, skipped, failed, seconds, share } = result;
  return {
    job,
    state,
    exported: exported.map(vmDocument),
    skipped: skipped.map(skippedDocument),
    failed: failed.map(failureDocument),
    seconds,
    share: share && { index: share.index, count: share.count, vms: share.vms, ofVms: share.ofVms },
  };
}

function dryRunDocument({ plans, skipped, failed, totals }: DryRunResult): DryRunDocument {
  return {
    plans: plans.map((plan) => ({
      vm: plan.vm,
      moRef: plan.moRef,
      inventoryPath: plan.inventoryPath,
      powerState: plan.powerState,
      guest: plan.guest,
      format: plan.format,
      output: plan.output,
      disks: plan.disks,
      leftOut: plan.leftOut,
      files: plan.files,
      expectedBytes: plan.expectedBytes,
      freeBytes: plan.freeBytes,
      findings: plan.findings,
    })),
    skipped: skipped.map(skippedDocument),
    failed: failed.map(failureDocument),
    totals,
  };
}

function vmDocument(result: VmExportResult): ExportDocument['exported'][number] {
  return {
    vm: result.vm,
    moRef: result.moRef,
    inventoryPath: result.inventoryPath,
    format: result.format,
    output: result.output,
    files: result.files,
    disks: result.disks,
    leftOut: result.leftOut,
    transferredBytes: result.transferredBytes,
    capacityBytes: result.capacityBytes,
    keptDisks: result.keptDisks,
    quiesced: result.quiesced,
    hardware: result.hardware,
    guest: result.guest && fixReportDocument(result.guest),
    guestNet: result.guestNet,
    warnings: result.warnings,
    fetchSeconds: result.fetchSeconds,
    seconds: result.seconds,
    leftBehind: result.leftBehind,
    defined: result.defined,
    bootTest: result.bootTest && bootTestDocument(result.bootTest),
    generations: result.generations,
    audit: result.audit,
    changed: result.changed,
  };
}

function skippedDocument(skipped: SkippedVm): ExportDocument['skipped'][number] {
  const { vm, moRef, inventoryPath, reason, format, output, files, exportedAt, pending, leftBehind } = skipped;
  return { vm, moRef, inventoryPath, reason, format, output, files, exportedAt, pending, leftBehind };
}

function failureDocument(failure: VmExportFailure): ExportDocument['failed'][number] {
  const { vm, error, leftBehind, keptForNextRun } = failure;
  return { vm, error, leftBehind, keptForNextRun };
}
