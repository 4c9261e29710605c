import type { NicMatch } from './nic-match.ts';

/** A configuration for one or more NICs. */
export interface InterfaceUse {
  /** A noun phrase for a sentence: `ens192`, `the profile "LAN"`. */
  title: string;
  file: string;
  /** Counted from 1. */
  line?: number | undefined;
  match: NicMatch;
  /** It has a static address, which can be on one NIC only. */
  hasAddress: boolean;
  /** The network manager applies the first matching configuration to a NIC, in list order. */
  isExclusive?: true | undefined;
}

/** The line, counted from 1, of the first match. */
export function lineOf(text: string, pattern: RegExp): number | undefined {
  const index = text.split('\n').findIndex((line) => pattern.test(line));
  return index < 0 ? undefined : index + 1;
}
