import { Hyper2kvmError } from '../../../base/errors.ts';
import type { ExportPlan, PreflightFinding } from '../types.ts';

/** The error for a plan that cannot be executed, from its first finding of level error. Undefined for a valid plan. */
export function refusalOf({ vm, findings }: Pick<ExportPlan, 'vm' | 'findings'>): Hyper2kvmError | undefined {
  const errors = findings.filter(({ level }) => level === 'error');
  const [first] = errors;
  if (!first) return undefined;
  const more = errors.length > 1 ? ` (${errors.length - 1} more: see --dry-run)` : '';
  const sentence = `${vm} cannot be exported: ${first.detail}${more}`;
  return new Hyper2kvmError(first.kind ?? 'internal', sentence, first.hint === undefined ? {} : { hint: first.hint });
}

/** Converts a Hyper2kvmError into a finding; rethrows any other error. */
export function findingOf(check: string, error: unknown): PreflightFinding {
  if (!(error instanceof Hyper2kvmError)) throw error;
  const { kind, message, hint } = error;
  return { level: 'error', kind, check, detail: message, ...(hint === undefined ? {} : { hint }) };
}
