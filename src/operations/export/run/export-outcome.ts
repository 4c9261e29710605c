import { Hyper2kvmError, type ErrorKind } from '../../../base/errors.ts';
import { codeOfKind } from '../../../base/exit-codes.ts';
import { jobErrorOf } from '../../../jobs/job-record-text.ts';
import type { DryRunResult, ExportResult, VmExportFailure } from '../types.ts';

/** What a command ends with, and whether the user has read it on the screen already. */
export interface Outcome {
  error: unknown;
  shown: boolean;
}

type VmResults = Pick<ExportResult, 'exported' | 'skipped' | 'failed'>;

/** A failed VM, as results and job records carry it. */
export function describeFailure(
  vm: string,
  error: unknown,
  { leftBehind = [], keptForNextRun = [] }: Partial<Pick<VmExportFailure, 'leftBehind' | 'keptForNextRun'>> = {},
): VmExportFailure {
  return { vm, error: jobErrorOf(error), leftBehind, keptForNextRun };
}

/**
 * The kind of error that an export ends with although it has a result, and so its exit code: a lone VM's own; `partial` when some VMs were exported; for several VMs of which none
 * was, the kind that all failures share, else `partial`; `guest` when all were exported and one did not come up. Undefined when all is well.
 */
function kindOfExport({ exported, skipped, failed }: VmResults): ErrorKind | 'interrupted' | undefined {
  if (failed.length > 0) return exported.length + skipped.length === 0 ? sharedKind(failed) : 'partial';
  if (exported.some(({ bootTest }) => bootTest?.problem !== undefined)) return 'guest';
  return [...exported, ...skipped].some(isIncomplete) ? 'partial' : undefined;
}

/** The kind that all failures have by their exit codes, else `partial`. */
function sharedKind(failed: readonly VmExportFailure[]): ErrorKind | 'interrupted' {
  const [first] = failed;
  const codes = new Set(failed.map(({ error }) => codeOfKind(error.kind)));
  return first !== undefined && codes.size === 1 ? first.error.kind : 'partial';
}

/** What the command exits with after an export that came to its end: it is in the job's record too. */
export function exitCodeOfExport(result: VmResults): number {
  const kind = kindOfExport(result);
  return kind === undefined ? 0 : codeOfKind(kind);
}

/** The state that the job ends in. */
export function stateOfExport({ exported, skipped, failed }: VmResults): Exclude<ExportResult['state'], 'interrupted'> {
  const there = [...exported, ...skipped];
  if (failed.length === 0 && !there.some(isIncomplete)) return 'done';
  return there.length > 0 ? 'partial' : 'failed';
}

/** True for a VM whose files are complete, but that left something on the server for somebody to remove. */
function isIncomplete({ leftBehind = [] }: { leftBehind?: readonly string[] }): boolean {
  return leftBehind.length > 0;
}

/** The error that an export ends with although it has a result, of the kind of {@link exitCodeOfExport}. `errors` are the error objects of `result.failed`, as the events brought them. */
export function exportOutcome(result: ExportResult, errors: readonly unknown[]): Outcome | undefined {
  const { exported, skipped, failed } = result;
  const kind = kindOfExport(result);
  if (kind === undefined) return undefined;
  if (failed.length === 0) return kind === 'guest' ? bootOutcome(exported) : leftOutcome([...exported, ...skipped]);
  const there = exported.length + skipped.length;
  const count = there + failed.length;
  const names = failed.map(({ vm }) => vm).join(', ');
  if (there > 0) {
    return {
      error: new Hyper2kvmError('partial', `${failed.length} of ${count} VMs were not exported: ${names}.`),
      shown: false,
    };
  }
  return outcomeOfAll(failed, errors, `None of the ${count} VMs was exported: ${names}.`);
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

/** An own snapshot that stays grows with every write of the VM: that is not a success. */
function leftOutcome(vms: readonly { leftBehind?: string[] }[]): Outcome {
  const left = vms.flatMap(({ leftBehind = [] }) => leftBehind);
  const sentence = `The export is complete, but its clean-up on the server is not: ${left.join(' ')}`;
  const hint = 'Run the same export again when no other task uses the VM.';
  return { error: new Hyper2kvmError('partial', sentence, { hint }), shown: false };
}

/** As {@link exportOutcome}, for a dry run: VMs that were not found, then findings that are errors. */
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
