import { Hyper2kvmError } from '../../base/errors.ts';
import type { StatusFinding } from '../../operations/status/types.ts';

/** The first error among findings, for the exit code. Checks are in order, and later errors follow from the first. */
export function firstError(findings: readonly StatusFinding[]): Hyper2kvmError | undefined {
  const first = findings.find(({ level }) => level === 'error');
  if (first === undefined) return undefined;
  const facts = first.hint === undefined ? {} : { hint: first.hint };
  return new Hyper2kvmError(first.kind ?? 'internal', `${first.check}: ${first.detail}`, facts);
}
