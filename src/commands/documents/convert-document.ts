import type { ConvertPlan, ConvertResult } from '../../operations/convert/types.ts';
import type { ConvertDocument, ConvertPlanDocument } from '../../operations/documents/schemas.ts';
import { bootTestDocument } from './boot-test-document.ts';
import { fixReportDocument } from './fix-report-document.ts';

/** The `result` of `convert --json`. */
export function convertDocument(result: ConvertResult): ConvertDocument;
export function convertDocument(result: ConvertResult | ConvertPlan): ConvertDocument | ConvertPlanDocument;
export function convertDocument(result: ConvertResult | ConvertPlan): ConvertDocument | ConvertPlanDocument {
  if ('container' in result) {
    const { source, container, disks, leftOut, domain, warnings, freeBytes, taken, refusal } = result;
    return { source, container, disks, leftOut, domain, warnings, freeBytes, taken, refusal };
  }
  return {
    source: result.source,
    disks: result.disks.map((disk) => ({
      path: disk.path,
      format: disk.format,
      source: disk.source,
      sourceFormat: disk.sourceFormat,
      sourceVariant: disk.sourceVariant,
      virtualSizeBytes: disk.virtualSizeBytes,
      sizeBytes: disk.sizeBytes,
      verified: disk.verified,
    })),
    leftOut: result.leftOut,
    domain: result.domain,
    manifest: result.manifest,
    defined: result.defined,
    hardware: result.hardware,
    guest: result.guest && fixReportDocument(result.guest),
    guestNet: result.guestNet,
    warnings: result.warnings,
    copySeconds: result.copySeconds,
    seconds: result.seconds,
    bootTest: result.bootTest && bootTestDocument(result.bootTest),
  };
}
