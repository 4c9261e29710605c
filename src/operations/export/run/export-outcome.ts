import { Hyper2kvmError, type ErrorKind } from '../../../base/errors.ts';
import { codeOfKind } from '../../../base/exit-codes.ts';
import { jobErrorOf } from '../../../jobs/job-record-text.ts';
import type { DryRunResult, ExportResult, VmExportFailure } from '../types.ts';

/** The result of a command, and whether the screen has already shown it. */
export interface Outcome {
  error: unknown;
  shown: boolean;
}

type VmResults = Pick<ExportResult, 'exported' | 'skipped' | 'failed'>;

/** Describes a failed VM for results and job records. */
export function describeFailure(
  vm: string,
  error: unknown,
  { leftBehind = [], keptForNextRun = [] }: Partial<Pick<VmExportFailure, 'leftBehind' | 'keptForNextRun'>> = {},
): VmExportFailure {
  return { vm, error: jobErrorOf(error), leftBehind, keptForNextRun };
}

/**
 * The error kind, and with it the exit code, of an export that has a result but is not a success. For a single VM, it
 * is the VM's own kind. When some VMs were exported, it is `partial`. When none of several VMs was, it is the kind that
 * all failures share, otherwise `partial`. When all were exported and one failed its boot test, it is `guest`.
 * Undefined on success.
 */
function kindOfExport({ exported, skipped, failed }: VmResults): ErrorKind | 'interrupted' | undefined {
  if (failed.length > 0) return exported.length + skipped.length === 0 ? sharedKind(failed) : 'partial';
  if (exported.some(({ bootTest }) => bootTest?.problem !== undefined)) return 'guest';
  return [...exported, ...skipped].some(isIncomplete) ? 'partial' : undefined;
}

/** The kind shared by all failures, by exit code; otherwise `partial`. */
function sharedKind(failed: readonly VmExportFailure[]): ErrorKind | 'interrupted' {
  const [first] = failed;
  const codes = new Set(failed.map(({ error }) => codeOfKind(error.kind)));
  return first !== undefined && codes.size === 1 ? first.error.kind : 'partial';
}

/** The exit code of the command after an export that ran to its end. It is also in the job record. */
export function exitCodeOfExport(result: VmResults): number {
  const kind = kindOfExport(result);
  return kind === undefined ? 0 : codeOfKind(kind);
}

/** The final state of the job. */
export function stateOfExport({ exported, skipped, failed }: VmResults): Exclude<ExportResult['state'], 'interrupted'> {
  const there = [...exported, ...skipped];
  if (failed.length === 0 && !there.some(isIncomplete)) return 'done';
  return there.length > 0 ? 'partial' : 'failed';
}

/** True for a VM whose files are complete but that left something on the server for somebody to remove. */
function isIncomplete({ leftBehind = [] }: { leftBehind?: readonly string[] }): boolean {
  return leftBehind.length > 0;
}

/**
 * The error for an export that has a result but is not a success, of the kind of {@link exitCodeOfExport}. `errors` are
 * the errors of `result.failed`, from the events.
 */
export function exportOutcome(result: ExportResult, errors: readonly unknown[]): Outcome | undefined {
  const { exported, skipped, failed } = result;
  const kind = kindOfExport(result);
  if (kind === undefined) return undefined;
  if (failed.length === 0) return kind === 'guest' ? bootOutcome(exported) : leftOutcome([...exported, ...skipped]);
  const there = exported.length + skipped.length;
  const count = there + failed.length;
  // The result has their names and reasons.
  if (there > 0) {
    const sentence = `${failed.length} of ${count} VMs ${failed.length === 1 ? 'was' : 'were'} not exported.`;
    return { error: new Hyper2kvmError('partial', sentence), shown: false };
  }
  return outcomeOfAll(failed, errors, `None of the ${count} VMs was exported.`);
}

function bootOutcome(exported: ExportResult['exported']): Outcome | undefined {
  const unproved = exported.filter(({ bootTest }) => bootTest?.problem !== undefined);
  const [first] = unproved;
  const problem = first?.bootTest?.problem;
  if (problem === undefined) return undefined;
  if (exported.length === 1) {
    const hint = `The images are kept. ${problem.hint}`;
    return { error: new Hyper2kvmError('guest', problem.message, { hint }), shown: false };
  }
  const names = unproved.map(({ vm }) => vm).join(', ');
  const sentence = `${unproved.length} of ${exported.length} VMs did not come up in the boot test: ${names}.`;
  return { error: new Hyper2kvmError('guest', sentence, { hint: 'All images are kept.' }), shown: false };
}

/** A leftover snapshot grows with every write of the VM, so the export is not a success. */
function leftOutcome(vms: readonly { leftBehind?: string[] }[]): Outcome {
  const left = vms.flatMap(({ leftBehind = [] }) => leftBehind);
  const sentence = `The export is complete, but its clean-up on the server is not: ${left.join(' ')}`;
  const hint = 'Run the same export again when no other task uses the VM.';
  return { error: new Hyper2kvmError('partial', sentence, { hint }), shown: false };
}

/** Like {@link exportOutcome}, for a dry run: VMs that were not found take precedence over findings of level error. */
export function planOutcome({ plans, skipped, failed }: DryRunResult, errors: readonly unknown[]): Outcome | undefined {
  const findings = plans.flatMap(({ vm, findings: found }) =>
    found.filter(({ level }) => level === 'error').map((finding) => ({ vm, ...finding })),
  );
  if (failed.length > 0 && plans.length + skipped.length === 0) {
    return outcomeOfAll(failed, errors, `None of the ${failed.length} VMs can be exported.`);
  }
  if (failed.length > 0) {
    const names = failed.map(({ vm }) => vm).join(', ');
    return { error: new Hyper2kvmError('partial', `Some VMs cannot be exported: ${names}.`), shown: false };
  }
  const [first] = findings;
  if (first === undefined) return undefined;
  const facts = first.hint === undefined ? {} : { hint: first.hint };
  const sentence = `${first.vm} cannot be exported: ${first.check}: ${first.detail}`;
  return { error: new Hyper2kvmError(first.kind ?? 'image', sentence, facts), shown: true };
}

function outcomeOfAll(failed: readonly VmExportFailure[], errors: readonly unknown[], sentence: string): Outcome {
  if (errors.length === 1) return { error: errors[0], shown: true };
  const kind = sharedKind(failed);
  return { error: new Hyper2kvmError(kind === 'interrupted' ? 'internal' : kind, sentence), shown: false };
}
