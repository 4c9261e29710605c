import { canonicalAddress, isLocalAddress, type GuestNet } from '../../base/guest-net.ts';
import type { ConfiguredNic } from '../../guest/change.ts';
import type { NicTraffic } from '../../guest/boot/observe/nic-traffic.ts';

/** What the frames of a NIC show about its address, compared with what is known of it. */
export const ADDRESS_VERDICTS = ['as-on-vmware', 'as-configured', 'other', 'dhcp', 'silent', 'not-compared'] as const;

export interface NicAddress {
  verdict: (typeof ADDRESS_VERDICTS)[number];
  /** The addresses of which one has to be in use, or that were in use on VMware. */
  expected: string[];
  /** The NIC does not use the address that is expected of it. */
  isDifferent: boolean;
  /** `192.0.2.10 as on VMware` */
  words: string;
}

/** What is known of the addresses of one NIC before the boot. All addresses are in their canonical form. */
export interface KnownAddresses {
  /** Static addresses: one of them has to be in use. */
  fixed: readonly string[];
  /** All addresses on VMware. */
  onVmware: readonly string[];
  /** Addresses on VMware of which nobody knows whether they are static. */
  possible: readonly string[];
  /** The NIC had its IPv4 address by DHCP. */
  dhcp: boolean;
}

/**
 * What is known of a NIC from VMware Tools and from the configuration of the guest. Addresses that the guest makes
 * itself (`random`, `linklayer`) come and go.
 */
export function knownAddresses(
  mac: string,
  guestNet: GuestNet | undefined,
  configured: readonly ConfiguredNic[] | undefined,
): KnownAddresses {
  const reported = (guestNet?.nics.find((nic) => nic.mac === mac)?.addresses ?? []).filter(
    ({ address }) => !isLocalAddress(address),
  );
  const of = (...origins: string[]): string[] =>
    reported.filter(({ origin }) => origins.includes(origin)).map(({ address }) => canonicalAddress(address));
  const inFiles = (configured?.find((nic) => nic.mac === mac)?.addresses ?? []).map(canonicalAddress);
  const fixed = new Set([...of('manual'), ...inFiles.filter((address) => !isLocalAddress(address))]);
  return {
    fixed: [...fixed],
    onVmware: reported.map(({ address }) => canonicalAddress(address)),
    possible: of('unknown', 'other').filter((address) => !fixed.has(address)),
    dhcp: of('dhcp').some(isV4),
  };
}

/** The addresses to wait for during the boot. */
export function awaited({ fixed, possible }: KnownAddresses): readonly string[] {
  return fixed.length > 0 ? fixed : possible.filter(isV4);
}

/** `ownerOf` returns the NIC that an address is expected on. */
export function judgeAddress(
  { dhcp, addresses: seen }: NicTraffic,
  known: KnownAddresses,
  ownerOf: (address: string) => string | undefined,
): NicAddress {
  const { fixed, onVmware, possible } = known;
  const wanted = fixed.length > 0 ? fixed : possible;
  const expected = fixed.length > 0 ? [...fixed] : [...onVmware];
  const found = wanted.filter((address) => seen.includes(address));
  const verdictOf = (verdict: NicAddress['verdict'], words: string, isDifferent = false): NicAddress => ({
    verdict,
    expected,
    isDifferent,
    words,
  });
  // An IPv6 address as expected does not make up for the IPv4 address.
  const isV4Missing = wanted.some(isV4) && !found.some(isV4);
  if (found.length > 0 && !isV4Missing) {
    const words = found.join(', ');
    return found.some((address) => onVmware.includes(address))
      ? verdictOf('as-on-vmware', `${words} as on VMware`)
      : verdictOf('as-configured', `${words} as configured`);
  }
  const others = seen.filter(isV4);
  if (fixed.length > 0) {
    const missing = fixed.filter((address) => !found.includes(address)).join(', ');
    if (dhcp && fixed.some(isV4)) return verdictOf('dhcp', `asks DHCP instead of ${missing}`, true);
    if (others.length > 0 && fixed.some(isV4)) return verdictOf('other', otherWords(others, missing, ownerOf), true);
    return verdictOf('silent', seen.length > 0 ? `${missing} not seen` : `silent: ${missing} not seen`, true);
  }
  const v4OnVmware = onVmware.filter(isV4);
  if (v4OnVmware.length === 0) return verdictOf('not-compared', plainWords(dhcp, seen));
  if (dhcp) return known.dhcp ? verdictOf('as-on-vmware', 'asks DHCP as on VMware') : verdictOf('dhcp', 'asks DHCP');
  if (others.length === 0) return verdictOf('silent', `silent: ${v4OnVmware.join(', ')} not seen`, true);
  const same = others.filter((address) => v4OnVmware.includes(address));
  if (same.length > 0) return verdictOf('as-on-vmware', `${same.join(', ')} as on VMware`);
  return verdictOf('other', otherWords(others, v4OnVmware.join(', '), ownerOf), true);
}

/** `other address 192.0.2.99 instead of 192.0.2.10` */
function otherWords(
  others: readonly string[],
  missing: string,
  ownerOf: (address: string) => string | undefined,
): string {
  const owner = others.map(ownerOf).find((mac) => mac !== undefined);
  const whose = owner === undefined ? '' : `, that of ${owner},`;
  return `other address ${others.join(', ')}${whose} instead of ${missing}`;
}

function plainWords(dhcp: boolean, seen: readonly string[]): string {
  if (dhcp) return 'asks DHCP';
  return seen.length === 0 ? 'silent' : `uses ${seen.join(', ')}`;
}

function isV4(address: string): boolean {
  return address.includes('.');
}
