import type { FixGuestOptions, FixReport } from './types.ts';

export interface ChangeOptions extends FixGuestOptions {
  /** Receives a sentence about each part of the host that does not work as expected. */
  onWarning: (sentence: string) => void;
}

/** What was changed, or would be. */
export type ChangeReport = Omit<Extract<FixReport, { outcome: 'fixed' | 'planned' }>, 'seconds'>;
