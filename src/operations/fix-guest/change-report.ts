import type { FixGuestOptions, FixReport } from './types.ts';

export interface ChangeOptions extends FixGuestOptions {
  /** Takes what the host does not do as it should: a sentence. */
  onWarning: (sentence: string) => void;
}

/** What was changed, or would be. */
export type ChangeReport = Omit<Extract<FixReport, { outcome: 'fixed' | 'planned' }>, 'seconds'>;
