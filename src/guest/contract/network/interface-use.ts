import type { NicMatch } from './nic-match.ts';

/** What a guest configures on one or more network adapters. */
export interface InterfaceUse {
  /** For a sentence: `ens192`, `the profile "LAN"`. */
  title: string;
  file: string;
  /** Counted from 1. */
  line?: number | undefined;
  match: NicMatch;
  /** It has an address of its own, which can be on one adapter only. */
  hasAddress: boolean;
  /** Its manager takes the first configuration that matches for an adapter, in the order of the list. */
  isExclusive?: true | undefined;
}

/** The line, counted from 1, of the first match. */
export function lineOf(text: string, pattern: RegExp): number | undefined {
  const index = text.split('\n').findIndex((line) => pattern.test(line));
  return index < 0 ? undefined : index + 1;
}
