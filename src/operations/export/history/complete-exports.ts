import { basename } from 'node:path';
import type { InventoryVm } from '../../../vsphere/inventory/inventory.ts';
import type { ExportRecipe } from '../target/export-recipe.ts';
import { outputFolder } from '../target/output-folder.ts';
import type { ExportOptions, PendingStep, PreflightFinding, SkippedVm, VmExportResult } from '../types.ts';
import { CompletionRecord, type DoneSteps, type CompleteExport } from './completion-record.ts';

/**
 * The record of a complete export of a VM. A single VM exported into a folder, which may also contain other files of
 * the user, gets no record unless an option needs one.
 */
export function recordFor(
  { baseName, identity }: { baseName: string; identity: string },
  { output, skipExisting, ifChanged, keep }: ExportOptions,
  several: boolean,
): CompletionRecord | undefined {
  // Generations have their own record.
  if (keep !== undefined || (!several && !skipExisting && !ifChanged)) return undefined;
  return new CompletionRecord(outputFolder(output, baseName, several), baseName, identity);
}

/** The result of an earlier run: a complete export that can be kept, or the options that differ from it. */
export interface Recorded {
  complete?: CompleteExport;
  /** Flags such as `--compress`. Undefined when the file names of the two exports differ. */
  differences?: string[];
}

/** Finds the existing complete export of the VM, when such exports are kept, or kept while the VM is unchanged. */
export async function findComplete(
  record: CompletionRecord | undefined,
  recipe: ExportRecipe,
  { skipExisting, ifChanged }: ExportOptions,
): Promise<Recorded> {
  if (!skipExisting && !ifChanged) return {};
  const complete = await record?.find();
  if (complete === undefined || complete.result.format !== recipe.format) return {};
  const differences = recipe.differencesFrom(complete.fingerprint);
  return differences.length === 0 ? { complete } : { differences };
}

/** Adds a refusal to the front of `findings` when the existing export was made with other options. Adds nothing with `force`. */
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

/** The steps that are still to be done with the files of an existing export. */
export function pendingSteps({ done }: CompleteExport, { define, bootTest }: ExportOptions): PendingStep[] {
  const isDefined = define === undefined || done?.defined.includes(define) === true;
  const isTested = !bootTest || done?.bootTested === true;
  return [...(isDefined ? [] : (['define'] as const)), ...(isTested ? [] : (['boot-test'] as const))];
}

/** The options for doing only the pending steps. */
export function onlyPending(complete: CompleteExport, options: ExportOptions): ExportOptions {
  const pending = pendingSteps(complete, options);
  const define = pending.includes('define') ? options.define : undefined;
  return { ...options, define, bootTest: pending.includes('boot-test') };
}

/** The steps that were done with an export, by its own run and later ones. A failed boot test is repeated. */
export function doneSteps({ defined, bootTest }: VmExportResult, earlier?: DoneSteps): DoneSteps {
  return {
    defined: [...new Set([...(earlier?.defined ?? []), ...(defined === undefined ? [] : [defined])])],
    bootTested: bootTest === undefined ? earlier?.bootTested === true : bootTest.problem === undefined,
  };
}

/**
 * The result for VM `vm` from an earlier run's files, which this run continues with. The earlier run may have used
 * another name for the VM.
 */
export function keptResult(vm: string, { result }: CompleteExport): VmExportResult {
  const names = result.files.map(({ path }) => basename(path));
  const keptDisks = names.filter((name) => !/\.(xml|yaml|ovf|mf)$/.test(name));
  const { guest, ...completed } = result;
  const reported = guest === undefined ? {} : { guest };
  return { ...completed, ...reported, vm, warnings: [], transferredBytes: 0, fetchSeconds: 0, seconds: 0, keptDisks };
}

export function skippedVm(
  { vm, label }: { vm: Pick<InventoryVm, 'ref' | 'inventoryPath'>; label: string },
  { result, endedAt }: CompleteExport,
  { ifChanged }: ExportOptions,
): SkippedVm {
  const { format, output, files } = result;
  const place = { vm: label, moRef: vm.ref.value, inventoryPath: vm.inventoryPath };
  const reason = ifChanged ? 'unchanged' : 'already-whole';
  return { ...place, reason, format, output, files, exportedAt: endedAt };
}
