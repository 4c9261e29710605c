import type { VerifyDocument } from '../../operations/documents/schemas.ts';
import type { VerifyResult } from '../../operations/verify/types.ts';

/** The `result` of `verify --json`. */
export function verifyDocument({ items, readBytes, errors, warnings, seconds }: VerifyResult): VerifyDocument {
  return {
    items: items.map(({ path, kind, findings }) => ({ path, kind, findings })),
    readBytes,
    errors,
    warnings,
    seconds,
  };
}
