import { CleanUp } from '../clean-up.ts';
import { openSession } from '../server-session.ts';
import { planVm } from './export-plan.ts';
import { findAllVms } from './find-vms.ts';
import type { DryRunResult, ExportEvent, ExportOptions, OperationContext } from './types.ts';
import { describeFailure } from './vm-failure.ts';
import { findWhole, recordFor, skippedVm } from './whole-exports.ts';

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
      const whole = await findWhole(recordFor(each, options, several), each, options);
      if (whole) result.skipped.push(skippedVm(each, whole));
      else result.plans.push((await planVm(client, each, options, several, signal)).plan);
    } catch (error) {
      signal.throwIfAborted();
      fail(each.label, error);
    }
  }
  return result;
}
