import { isIP } from 'node:net';
import { canonicalAddress } from '../../../base/guest-net.ts';
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
  /** Its static addresses, as far as they are read. */
  addresses?: readonly string[] | undefined;
  /** The network manager applies the first matching configuration to a NIC, in list order. */
  isExclusive?: true | undefined;
}

/** The addresses at the beginning of configuration values: `192.0.2.10/24,192.0.2.1` has a prefix and a gateway, too. */
export function addressesIn(values: readonly (string | undefined)[]): string[] {
  return values.flatMap((value = '') => {
    const [address = ''] = value.trim().split(/[/,;\s]/, 1);
    return isIP(address) === 0 ? [] : [canonicalAddress(address)];
  });
}

/** The line, counted from 1, of the first match. */
export function lineOf(text: string, pattern: RegExp): number | undefined {
  const index = text.split('\n').findIndex((line) => pattern.test(line));
  return index < 0 ? undefined : index + 1;
}
