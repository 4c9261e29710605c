import { basename } from 'node:path';
import type { InventoryVm } from '../../../vsphere/inventory/inventory.ts';
import type { ExportRecipe } from '../target/export-recipe.ts';
import { outputFolder } from '../target/output-folder.ts';
import type { ExportOptions, PendingStep, PreflightFinding, SkippedVm, VmExportResult } from '../types.ts';
import { WholeRecord, type DoneSteps, type WholeExport } from './whole-record.ts';

/**
 * Where the whole export of a VM is recorded. One that is exported alone, into a folder that may hold other things of the user's, gets no record unless it is
 * asked for.
 */
export function recordFor(
  { baseName, identity }: { baseName: string; identity: string },
  { output, skipExisting, ifChanged, keep }: ExportOptions,
  several: boolean,
): WholeRecord | undefined {
  // Generations have a record of their own.
  if (keep !== undefined || (!several && !skipExisting && !ifChanged)) return undefined;
  return new WholeRecord(outputFolder(output, baseName, several), baseName, identity);
}

/** What an earlier run left of a VM: a whole export that can be kept, or the flags with which another one was made. */
export interface Recorded {
  whole?: WholeExport;
  /** Such as `--compress`. Undefined where the files of the two would have different names. */
  differences?: string[];
}

/** The whole export of a VM that is there already, when such are to be kept, or as long as the VM does not change. */
export async function findWhole(
  record: WholeRecord | undefined,
  recipe: ExportRecipe,
  { skipExisting, ifChanged }: ExportOptions,
): Promise<Recorded> {
  if (!skipExisting && !ifChanged) return {};
  const whole = await record?.find();
  if (whole === undefined || whole.result.format !== recipe.format) return {};
  const differences = recipe.differencesFrom(whole.fingerprint);
  return differences.length === 0 ? { whole } : { differences };
}

/** Why an export that is there stands in the way of this one, instead of its names. Nothing does so with `force`. */
export function refuseOther(
  findings: PreflightFinding[],
  { differences }: Recorded,
  { output, force }: { output: string; force: boolean },
): void {
  if (differences === undefined || force) return;
  findings.unshift({
    level: 'error',
    kind: 'local-file',
    check: 'options',
    detail: `the export in ${output} was made with other options: ${differences.join(', ')}.`,
    hint: 'Overwrite it with --force, choose another --output, or use the options of that export.',
  });
}

/** What is still to be done with the files of an export that is there. */
export function pendingSteps({ done }: WholeExport, { define, bootTest }: ExportOptions): PendingStep[] {
  const isDefined = define === undefined || done?.defined.includes(define) === true;
  const isTested = !bootTest || done?.bootTested === true;
  return [...(isDefined ? [] : (['define'] as const)), ...(isTested ? [] : (['boot-test'] as const))];
}

/** The options with which only what is pending is done. */
export function onlyPending(whole: WholeExport, options: ExportOptions): ExportOptions {
  const pending = pendingSteps(whole, options);
  const define = pending.includes('define') ? options.define : undefined;
  return { ...options, define, bootTest: pending.includes('boot-test') };
}

/** What has been done with an export, by the run that made it and those after it. A boot test that failed is made again. */
export function doneSteps({ defined, bootTest }: VmExportResult, earlier?: DoneSteps): DoneSteps {
  return {
    defined: [...new Set([...(earlier?.defined ?? []), ...(defined === undefined ? [] : [defined])])],
    bootTested: bootTest === undefined ? earlier?.bootTested === true : bootTest.problem === undefined,
  };
}

/** What there is of the VM `vm` whose files an earlier run fetched, and this one goes on with. That run may have called it otherwise. */
export function keptResult(vm: string, { result }: WholeExport): VmExportResult {
  const names = result.files.map(({ path }) => basename(path));
  const keptDisks = names.filter((name) => !/\.(xml|yaml|ovf|mf)$/.test(name));
  const { guest, ...completed } = result;
  const reported = guest === undefined ? {} : { guest };
  return { ...completed, ...reported, vm, warnings: [], transferredBytes: 0, fetchSeconds: 0, seconds: 0, keptDisks };
}

export function skippedVm(
  { vm, label }: { vm: Pick<InventoryVm, 'ref' | 'inventoryPath'>; label: string },
  { result, endedAt }: WholeExport,
  { ifChanged }: ExportOptions,
): SkippedVm {
  const { format, output, files } = result;
  const place = { vm: label, moRef: vm.ref.value, inventoryPath: vm.inventoryPath };
  const reason = ifChanged ? 'unchanged' : 'already-whole';
  return { ...place, reason, format, output, files, exportedAt: endedAt };
}
