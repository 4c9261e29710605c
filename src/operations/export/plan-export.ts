import { dirname } from 'node:path';
import { CleanUp } from '../clean-up.ts';
import { openSession } from '../server-session.ts';
import { planVm, type PlannedVm } from './export-plan.ts';
import { findAllVms, type FoundVm } from './find-vms.ts';
import { newestGeneration } from './generation-record.ts';
import { findStanding } from './if-changed.ts';
import type { DryRunResult, ExportEvent, ExportOptions, OperationContext } from './types.ts';
import { describeFailure } from './vm-failure.ts';
import { findWhole, recordFor, skippedVm } from './whole-exports.ts';
import { WholeRecord, type WholeExport } from './whole-record.ts';

/** What `exportVms` would do with the same options. Reads from the server and changes nothing on it. */
export async function planExports(
  options: ExportOptions,
  { signal, report }: OperationContext<ExportEvent>,
): Promise<DryRunResult> {
  await using cleanUp = new CleanUp((message) => report({ type: 'warning', vm: undefined, message }));
  const client = await openSession(options.connection, cleanUp, signal);
  const { found, failures, several } = await findAllVms(client, options, signal);
  const result: DryRunResult = { plans: [], skipped: [], failed: [] };
  const fail = (vm: string, error: unknown) => {
    result.failed.push(describeFailure(vm, error));
    report({ type: 'vm-failed', vm, error });
  };
  for (const { word, error } of failures) fail(word, error);
  for (const each of found) {
    try {
      const record = recordFor(each, options, several);
      const seen = options.ifChanged ? undefined : await findWhole(record, each, options);
      const planned = seen ? undefined : await planVm(client, each, options, several, signal);
      const whole = seen ?? (planned && (await findUnchanged(planned, each, options, record)));
      if (whole) result.skipped.push(skippedVm(each, whole, options));
      else if (planned) result.plans.push(planned.plan);
    } catch (error) {
      signal.throwIfAborted();
      fail(each.label, error);
    }
  }
  return result;
}

/** The last export of a VM that has not changed since, where that counts. */
async function findUnchanged(
  { plan, facts }: PlannedVm,
  { baseName, identity }: FoundVm,
  options: ExportOptions,
  record: WholeRecord | undefined,
): Promise<WholeExport | undefined> {
  if (!options.ifChanged) return undefined;
  const newest = options.keep === undefined ? undefined : await newestGeneration(dirname(plan.output), identity);
  const last = newest === undefined ? record : new WholeRecord(newest, baseName, identity);
  return (await findStanding(last, { baseName, facts, options })).whole;
}
