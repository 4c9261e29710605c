import { Hyper2kvmError, type ErrorKind } from '../../base/errors.ts';
import { codeOfKind } from '../../base/exit-codes.ts';
import type { Outcome } from '../export/run/export-outcome.ts';
import type { SyncResult } from './types.ts';

type VmResults = Pick<SyncResult, 'synced' | 'failed'>;

/** The kind of a run that has a result but is not a success; undefined for a success. */
function kindOfSync({ synced, failed }: VmResults): ErrorKind | 'interrupted' | undefined {
  if (failed.length > 0 && synced.length > 0) return 'partial';
  const [first] = failed;
  if (first !== undefined) {
    const codes = new Set(failed.map(({ error }) => codeOfKind(error.kind)));
    return codes.size === 1 ? first.error.kind : 'partial';
  }
  if (synced.some(({ repairedBytes = 0 }) => repairedBytes > 0)) return 'image';
  const rehearsed = synced.flatMap(({ rehearsal }) => rehearsal?.error ?? []);
  const [failure] = rehearsed;
  if (failure !== undefined) {
    return new Set(rehearsed.map((error) => codeOfKind(error.kind))).size === 1 ? failure.kind : 'partial';
  }
  return synced.some(({ leftBehind = [] }) => leftBehind.length > 0) ? 'partial' : undefined;
}

export function exitCodeOfSync(result: VmResults): number {
  const kind = kindOfSync(result);
  return kind === undefined ? 0 : codeOfKind(kind);
}

/** The final state of the job. */
export function stateOfSync(result: VmResults): Exclude<SyncResult['state'], 'interrupted'> {
  if (kindOfSync(result) === undefined) return 'done';
  return result.synced.length > 0 ? 'partial' : 'failed';
}

/** The error for a run that has a result but is not a success. `errors` are those of `result.failed`. */
export function syncOutcome(result: SyncResult, errors: readonly unknown[]): Outcome | undefined {
  const { synced, failed } = result;
  const kind = kindOfSync(result);
  if (kind === undefined) return undefined;
  const names = failed.map(({ vm }) => vm).join(', ');
  if (failed.length === 0 && kind === 'image') return { error: repairedError(synced), shown: false };
  const rehearsals = failed.length === 0 ? rehearsalError(synced, kind) : undefined;
  if (rehearsals !== undefined) return { error: rehearsals, shown: false };
  if (failed.length === 0) {
    const left = synced.flatMap(({ leftBehind = [] }) => leftBehind);
    const sentence = `The replica is complete, but its clean-up on the server is not: ${left.join(' ')}`;
    const hint = 'The next sync tries again.';
    return { error: new Hyper2kvmError('partial', sentence, { hint }), shown: false };
  }
  if (synced.length > 0) {
    const sentence = `${failed.length} of ${synced.length + failed.length} VMs were not replicated: ${names}.`;
    return { error: new Hyper2kvmError('partial', sentence), shown: false };
  }
  if (errors.length === 1) return { error: errors[0], shown: true };
  const sentence = `None of the ${failed.length} VMs was replicated: ${names}.`;
  return { error: new Hyper2kvmError(kind === 'interrupted' ? 'internal' : kind, sentence), shown: false };
}

/** The error of the VMs whose rehearsal failed. */
function rehearsalError(synced: SyncResult['synced'], kind: ErrorKind | 'interrupted'): Hyper2kvmError | undefined {
  const failed = synced.flatMap(({ vm, rehearsal }) => (rehearsal?.error ? [{ vm, error: rehearsal.error }] : []));
  const [first] = failed;
  if (first === undefined) return undefined;
  const ofKind = kind === 'interrupted' ? 'internal' : kind;
  const kept = 'The replica is complete and unchanged by the rehearsal.';
  if (failed.length === 1) {
    const { message, hint } = first.error;
    const facts = { hint: hint === undefined ? kept : `${hint} ${kept}` };
    return new Hyper2kvmError(ofKind, `The rehearsal of ${first.vm} failed: ${message}`, facts);
  }
  const names = failed.map(({ vm }) => vm).join(', ');
  const hint = 'All replicas are complete and unchanged by the rehearsals.';
  return new Hyper2kvmError(ofKind, `${failed.length} rehearsals failed: ${names}.`, { hint });
}

function repairedError(synced: SyncResult['synced']): Hyper2kvmError {
  const found = synced.filter(({ repairedBytes = 0 }) => repairedBytes > 0).map(({ vm }) => vm);
  const sentence = `The audit found differences that the server had not reported as changed, and repaired them: ${found.join(', ')}.`;
  const hint = 'Changed block tracking of these VMs is not reliable: use --no-cbt, or reset it on the server.';
  return new Hyper2kvmError('image', sentence, { hint });
}
