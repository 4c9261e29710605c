import { basename } from 'node:path';
import { descriptionName } from '../domain/make-domain.ts';
import { outputFolder } from './export-plan.ts';
import type { FoundVm } from './find-vms.ts';
import { FORMATS } from './formats.ts';
import type { ExportOptions, SkippedVm, VmExportResult } from './types.ts';
import { WholeRecord, type WholeExport } from './whole-record.ts';

/**
 * Where the whole export of a VM is recorded. One that is exported alone, into a folder that may hold other things of the user's, gets no record unless it is
 * asked for.
 */
export function recordFor(
  { baseName, identity }: FoundVm,
  { output, skipExisting, ifChanged, keep }: ExportOptions,
  several: boolean,
): WholeRecord | undefined {
  // Generations have a record of their own.
  if (keep !== undefined || (!several && !skipExisting && !ifChanged)) return undefined;
  return new WholeRecord(outputFolder(output, baseName, several), baseName, identity);
}

/** The whole export of a VM that is there already, when such are to be kept, or as long as the VM does not change. */
export async function findWhole(
  record: WholeRecord | undefined,
  { baseName }: Pick<FoundVm, 'baseName'>,
  { format, kubevirt, skipExisting, ifChanged }: ExportOptions,
): Promise<WholeExport | undefined> {
  if (!skipExisting && !ifChanged) return undefined;
  return await record?.find(format, FORMATS[format].image ? descriptionName(baseName, kubevirt) : undefined);
}

/** Nothing is left to do with the files, as far as the options say. */
export function isOver({ isUsed }: WholeExport, { define, bootTest }: ExportOptions): boolean {
  return isUsed || (define === undefined && !bootTest);
}

/** What there is of a VM whose files an earlier run fetched, and this one goes on with. */
export function keptResult({ result }: WholeExport): VmExportResult {
  const names = result.files.map(({ path }) => basename(path));
  const keptDisks = names.filter((name) => !/\.(xml|yaml|ovf|mf)$/.test(name));
  return { ...result, warnings: [], transferredBytes: 0, seconds: 0, keptDisks };
}

export function skippedVm(
  { vm, label }: FoundVm,
  { result, endedAt }: WholeExport,
  { ifChanged }: ExportOptions,
): SkippedVm {
  const { format, output, files } = result;
  const place = { vm: label, moRef: vm.ref.value, inventoryPath: vm.inventoryPath };
  const reason = ifChanged ? 'unchanged' : 'already-whole';
  return { ...place, reason, format, output, files, exportedAt: endedAt };
}
