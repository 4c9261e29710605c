import { dirname } from 'node:path';
import { CleanUp } from '../../clean-up.ts';
import { openSession } from '../../server-session.ts';
import type { ExportRecipe } from '../target/export-recipe.ts';
import { planVm, type PlannedVm } from '../plan/plan-vm.ts';
import { findAllVms, type FoundVm } from '../plan/find-vms.ts';
import { newestGeneration } from '../history/generation-record.ts';
import { findExisting } from '../history/if-changed.ts';
import type { DryRunResult, ExportEvent, ExportOptions, ExportPlan, OperationContext, PlanTotals } from '../types.ts';
import { ownOptions } from './export-one.ts';
import { describeFailure } from './export-outcome.ts';
import {
  findComplete,
  pendingSteps,
  recordFor,
  refuseOther,
  skippedVm,
  type Recorded,
} from '../history/complete-exports.ts';
import { CompletionRecord } from '../history/completion-record.ts';

/** Returns what `exportVms` would do with the same options. Reads from the server and changes nothing on it. */
export async function planExports(
  shared: ExportOptions,
  { signal, report }: OperationContext<ExportEvent>,
): Promise<DryRunResult> {
  await using cleanUp = new CleanUp((message) => report({ type: 'warning', vm: undefined, message }));
  const client = await openSession(shared.connection, cleanUp, signal);
  const { found, failures, several } = await findAllVms(client, shared, signal);
  const result: Omit<DryRunResult, 'totals'> = { plans: [], skipped: [], failed: [] };
  const fail = (vm: string, error: unknown) => {
    result.failed.push(describeFailure(vm, error));
    report({ type: 'vm-failed', vm, error });
  };
  for (const { word, error } of failures) fail(word, error);
  for (const each of found) {
    try {
      const { options, recipe } = await ownOptions(each, shared, signal);
      const record = recordFor(each, options, several);
      const seen = options.ifChanged ? {} : await findComplete(record, recipe, options);
      const planned = seen.complete ? undefined : await planVm(client, each, options, several, signal);
      const recorded = planned
        ? { ...seen, ...(await findUnchanged(planned, each, { options, recipe, record })) }
        : seen;
      if (recorded.complete) {
        const pending = pendingSteps(recorded.complete, options);
        result.skipped.push({ ...skippedVm(each, recorded.complete, options), ...(pending.length > 0 && { pending }) });
      } else if (planned) {
        refuseOther(planned.plan.findings, recorded, { ...planned.plan, force: options.force });
        result.plans.push(planned.plan);
      }
    } catch (error) {
      signal.throwIfAborted();
      fail(each.label, error);
    }
  }
  return { ...result, totals: totalsOf(result.plans) };
}

/** The last export of a VM that has not changed since, if that is a reason to skip it. */
async function findUnchanged(
  { plan, facts }: PlannedVm,
  { baseName, identity }: FoundVm,
  { options, recipe, record }: { options: ExportOptions; recipe: ExportRecipe; record: CompletionRecord | undefined },
): Promise<Recorded> {
  if (!options.ifChanged) return {};
  const newest = options.keep === undefined ? undefined : await newestGeneration(dirname(plan.output), identity);
  const last = newest === undefined ? record : new CompletionRecord(newest, baseName, identity);
  const { complete, differences } = await findExisting(last, { recipe, facts, options });
  // A new generation replaces nothing.
  return { ...(complete && { complete }), ...(differences && newest === undefined && { differences }) };
}

/** Computes the totals of a {@link DryRunResult}. */
export function totalsOf(plans: readonly ExportPlan[]): PlanTotals {
  const good = plans.filter(({ findings }) => findings.every(({ level }) => level !== 'error'));
  const disks = good.flatMap((plan) => plan.disks);
  return {
    vms: plans.length,
    exportable: good.length,
    disks: disks.length,
    capacityBytes: disks.reduce((sum, disk) => sum + disk.capacityBytes, 0),
    expectedBytes: good.reduce((sum, plan) => sum + plan.expectedBytes, 0),
    freeBytes: plans.length === 0 ? null : Math.min(...plans.map((plan) => plan.freeBytes)),
  };
}
