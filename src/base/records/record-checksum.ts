import { createHash } from 'node:crypto';

/** The SHA-256 of a record as JSON with sorted keys, because a record that was read can have them in another order. */
export function recordChecksum(record: object): string {
  return createHash('sha256').update(canonical(record)).digest('hex');
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}
