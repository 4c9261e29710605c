import { Hyper2kvmError } from '../base/errors.ts';
import { exitCodeOf } from '../base/exit-codes.ts';
import type { DryRunResult, ExportResult } from '../operations/export/types.ts';

/** What a command ends with, and whether the user has read it on the screen already. */
export interface Outcome {
  error: unknown;
  shown: boolean;
}

/**
 * The error that an export ends with although it has a result: a lone VM's own; `partial` when some VMs were exported; for several
 * VMs of which none was, the kind that all failures share, else `partial`; `guest` when all were exported and one did not come up. Undefined when all is well.
 *
 * `errors` are the error objects behind `result.failed`, as the events brought them.
 */
export function exportOutcome(result: ExportResult, errors: readonly unknown[]): Outcome | undefined {
  const { exported, skipped, failed } = result;
  if (failed.length === 0) return bootOutcome(exported) ?? leftOutcome([...exported, ...skipped]);
  const there = exported.length + skipped.length;
  const count = there + failed.length;
  const names = failed.map(({ vm }) => vm).join(', ');
  if (there > 0) {
    return {
      error: new Hyper2kvmError('partial', `${failed.length} of ${count} VMs were not exported: ${names}.`),
      shown: false,
    };
  }
  return outcomeOfAll(errors, `None of the ${count} VMs was exported: ${names}.`);
}

function bootOutcome(exported: ExportResult['exported']): Outcome | undefined {
  const unproved = exported.filter(({ bootTest }) => bootTest?.problem !== undefined);
  const [first] = unproved;
  const problem = first?.bootTest?.problem;
  if (problem === undefined) return undefined;
  if (exported.length === 1) {
    const hint = `The images stay. ${problem.hint}`;
    return { error: new Hyper2kvmError('guest', problem.message, { hint }), shown: false };
  }
  const names = unproved.map(({ vm }) => vm).join(', ');
  const sentence = `${unproved.length} of ${exported.length} VMs did not come up in the boot test: ${names}.`;
  return { error: new Hyper2kvmError('guest', sentence, { hint: 'All images stay.' }), shown: false };
}

/** An own snapshot that stays grows with every write of the VM: that is not a success. */
function leftOutcome(vms: readonly { leftBehind?: string[] }[]): Outcome | undefined {
  const left = vms.flatMap(({ leftBehind = [] }) => leftBehind);
  if (left.length === 0) return undefined;
  const sentence = `The export is complete, but not cleaned up on the server: ${left.join(' ')}`;
  const hint = 'Run the same export again when nothing else works on the VM.';
  return { error: new Hyper2kvmError('partial', sentence, { hint }), shown: false };
}

/** As {@link exportOutcome}, for a dry run: VMs that were not found, then findings that are errors. */
export function planOutcome({ plans, skipped, failed }: DryRunResult, errors: readonly unknown[]): Outcome | undefined {
  const findings = plans.flatMap(({ vm, findings: found }) =>
    found.filter(({ level }) => level === 'error').map((finding) => ({ vm, ...finding })),
  );
  if (failed.length > 0 && plans.length + skipped.length === 0) {
    return outcomeOfAll(errors, `None of the ${failed.length} VMs can be exported.`);
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

function outcomeOfAll(errors: readonly unknown[], sentence: string): Outcome {
  const [first] = errors;
  if (errors.length === 1) return { error: first, shown: true };
  const shared = errors.every((error) => exitCodeOf(error) === exitCodeOf(first));
  const kind = !shared ? 'partial' : first instanceof Hyper2kvmError ? first.kind : 'internal';
  return { error: new Hyper2kvmError(kind, sentence), shown: false };
}
