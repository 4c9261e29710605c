import type { CutoverResult, RollbackResult } from '../../operations/cutover/types.ts';
import type { CutoverDocument } from '../../operations/documents/schemas.ts';
import { bootTestDocument } from './boot-test-document.ts';
import { fixReportDocument } from './fix-report-document.ts';

/** The `result` of `cutover --json`. */
export function cutoverDocument(result: CutoverResult | RollbackResult): CutoverDocument {
  const { job, vm, moRef, inventoryPath, output, warnings, leftBehind, seconds } = result;
  const shared = { job, vm, moRef, inventoryPath, output, warnings, leftBehind, seconds };
  if (result.state === 'rolled-back') {
    const { state, step, source, domain } = result;
    return { ...shared, state, step, source, domain };
  }
  const { state, finishedAt, domain, hardware, guest, bootTest, rounds, sign, downtime, files } = result;
  return {
    ...shared,
    state,
    finishedAt,
    domain,
    hardware,
    guest: guest && fixReportDocument(guest),
    bootTest: bootTest && bootTestDocument(bootTest),
    rounds,
    sign,
    downtime,
    files: files.map(({ path, sizeBytes }) => ({ path, sizeBytes })),
  };
}
