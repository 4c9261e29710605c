import type { FixOptions } from '../../../src/operations/fix-guest/types.ts';

/** Converts without changes to the guest. */
export const NO_FIX: FixOptions = {
  fix: 'off',
  keys: [],
  root: undefined,
  removeVmwareTools: false,
  virtioWin: undefined,
  planOnly: false,
};
