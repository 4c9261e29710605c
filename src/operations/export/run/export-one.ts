import type { FileClaims } from '../../../base/claims/file-claim.ts';
import type { RateLimiter } from '../../../base/rate-limiter.ts';
import type { SharedWorkers } from '../../../image/copy/shared-workers.ts';
import type { VsphereClient } from '../../../vsphere/session/vsphere-client.ts';
import { withCustomization } from '../../fix-guest/customize/customization.ts';
import { ExportRecipe } from '../target/export-recipe.ts';
import { exportLocked } from './export-locked.ts';
import { planVm } from '../plan/plan-vm.ts';
import { outputFolder } from '../target/output-folder.ts';
import type { FoundVm } from '../plan/find-vms.ts';
import type { DiskSourceFactory } from '../source/disk-source.ts';
import type { NfcRun } from '../source/nfc-run.ts';
import { LeftSnapshots } from '../source/left-snapshots.ts';
import { tidyPlace } from './locked-place.ts';
import type { ExportEvent, ExportOptions, SkippedVm, VmExportFailure, VmExportResult } from '../types.ts';
import type { ServerHashes } from '../transfer/unproved-files.ts';
import { describeFailure } from './export-outcome.ts';
import { ResumeRecord } from '../history/resume-record.ts';
import { findComplete, pendingSteps, recordFor, refuseOther, skippedVm } from '../history/complete-exports.ts';
import type { CompleteExport } from '../history/completion-record.ts';

/** Resources shared by the VMs of a run: one session, one rate limiter, one thread pool. */
export interface RunShared {
  client: VsphereClient;
  options: ExportOptions;
  /** Each VM has its own folder. */
  several: boolean;
  job: string;
  limiter: RateLimiter | undefined;
  workers: SharedWorkers;
  hashes: ServerHashes;
  diskSource: DiskSourceFactory;
  nfc: NfcRun;
  claims: FileClaims;
  report: (event: ExportEvent) => void;
}

/** The outcome for one VM of a run. */
export type VmOutcome = { exported: VmExportResult } | { skipped: SkippedVm } | { failed: VmExportFailure };

/** What is recorded about a VM during its export. */
interface VmNotes {
  leftBehind: string[];
  /** The subset of `leftBehind` that stays until somebody removes it. */
  lasting: string[];
  keptForNextRun: string[];
  /** Reports the start. */
  begin: (output: string) => void;
}

/**
 * Exports one VM of a run, or finds that its export is already complete.
 * @throws only the signal's reason, after clean-up.
 */
export async function exportOne(
  each: FoundVm,
  place: { index: number; count: number },
  run: RunShared,
  signal: AbortSignal,
): Promise<VmOutcome> {
  const { label: vm, vm: inventoryVm } = each;
  const { report } = run;
  const begin = (output: string) =>
    report({ type: 'vm-started', vm, inventoryPath: inventoryVm.inventoryPath, ...place, output });
  const notes: VmNotes = { begin, leftBehind: [], lasting: [], keptForNextRun: [] };
  try {
    const outcome = await exportOrKeep(each, run, notes, signal);
    if ('skipped' in outcome) report({ type: 'vm-skipped', vm, result: outcome.skipped });
    else report({ type: 'vm-finished', vm, result: outcome.exported });
    return outcome;
  } catch (error) {
    const { leftBehind, keptForNextRun } = notes;
    report({ type: 'vm-failed', vm, error, leftBehind, keptForNextRun });
    signal.throwIfAborted();
    return { failed: describeFailure(vm, error, notes) };
  }
}

async function exportOrKeep(
  each: FoundVm,
  shared: RunShared,
  notes: VmNotes,
  signal: AbortSignal,
): Promise<Exclude<VmOutcome, { failed: unknown }>> {
  const run = { ...shared, ...(await ownOptions(each, shared.options, signal)) };
  const { client, options, recipe, several, report } = run;
  const { baseName, label: vm } = each;
  const { leftBehind, lasting, keptForNextRun } = notes;
  const leave = (sentence: string, isLasting = false) => {
    leftBehind.push(sentence);
    if (isLasting) lasting.push(sentence);
    report({ type: 'warning', vm, message: sentence });
  };
  const left = new LeftSnapshots(
    outputFolder(options.output, baseName, several || options.keep !== undefined),
    baseName,
  );
  const removal = {
    client,
    vm,
    vmRef: each.vm.ref,
    leave: (sentence: string) => leave(sentence, true),
    step: (detail: string) => report({ type: 'step', vm, step: 'clean-up', detail }),
  };
  await left.remove(removal, signal);
  const record = recordFor(each, options, several);
  const found = await findComplete(record, recipe, options);
  const { complete: seen } = found;
  if (seen?.isUsed && !options.ifChanged && !(await isWorkLeft(seen, baseName, options))) {
    const skipped = withLasting(skippedVm(each, seen, options), lasting);
    const { job, claims } = run;
    await tidyPlace(skipped.output, baseName, { doing: `checking ${vm} in ${skipped.output}`, job, claims });
    return { skipped };
  }
  const planned = await planVm(client, each, options, several, signal);
  refuseOther(planned.plan.findings, found, { ...planned.plan, force: options.force });
  notes.begin(planned.plan.output);
  const keepForNextRun = (names: string[]) => void keptForNextRun.push(...names);
  const task = { ...planned, ...run, baseName, record, leave, left, leftBehind, lasting, keepForNextRun };
  const outcome = await exportLocked({ ...task, isComplete: seen !== undefined }, signal);
  return 'complete' in outcome
    ? { skipped: withLasting(skippedVm(each, outcome.complete, options), lasting) }
    : outcome;
}

/** The options for one VM, with the content of the files that a customization names for it. */
export async function ownOptions(
  { baseName }: Pick<FoundVm, 'baseName'>,
  shared: ExportOptions,
  signal: AbortSignal,
): Promise<{ options: ExportOptions; recipe: ExportRecipe }> {
  const guest = await withCustomization(shared.guest, baseName, { env: shared.env, signal });
  const options = { ...shared, guest };
  return { options, recipe: ExportRecipe.of(options) };
}

function withLasting(skipped: SkippedVm, lasting: readonly string[]): SkippedVm {
  return lasting.length === 0 ? skipped : { ...skipped, leftBehind: [...lasting] };
}

/** True when work is left on the files of an existing export, or on the server after a later run was killed. */
async function isWorkLeft(complete: CompleteExport, baseName: string, options: ExportOptions): Promise<boolean> {
  if (pendingSteps(complete, options).length > 0) return true;
  return (await ResumeRecord.load(complete.result.output, baseName)).hasDuties;
}
