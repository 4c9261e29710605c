import { matchesGlob } from '../../config/glob.ts';
import type { Nic } from './nic.ts';

/**
 * The criteria by which a configuration selects NICs. All given criteria must match; an empty match selects every
 * NIC.
 */
export interface NicMatch {
  /** Patterns for the interface name. */
  names?: readonly string[] | undefined;
  macs?: readonly string[] | undefined;
  /** Patterns. */
  drivers?: readonly string[] | undefined;
  /** Patterns for udev's `ID_PATH`: `pci-0000:0b:00.0`. */
  paths?: readonly string[] | undefined;
  /** The result of conditions that do not depend on the NIC; undefined if one cannot be evaluated. */
  conditions?: { result: boolean | undefined } | undefined;
}

/**
 * The name that the guest gives a NIC; undefined for a predictable name, which begins with `en` and depends on
 * unknown PCI addresses.
 */
export type NicName = string | undefined;

/** The prefix of predictable names, so that an unknown name still matches `e*`. */
const PREDICTABLE = 'en';

/** Whether a NIC of the target matches; undefined if that cannot be determined. */
export function matchesOnTarget(match: NicMatch, nic: Nic, name: NicName): boolean | undefined {
  return all([
    match.names === undefined || anyOf(match.names, (pattern) => matchesName(pattern, name, nic)),
    match.macs === undefined || (nic.mac !== undefined && match.macs.includes(nic.mac)),
    match.drivers === undefined || anyOf(match.drivers, (pattern) => matchesGlob(pattern, nic.driver)),
    match.paths === undefined || anyOf(match.paths, (pattern) => matchesPath(pattern, nic)),
    match.conditions === undefined ? true : match.conditions.result,
  ]);
}

/**
 * Whether the NIC matched on VMware, as far as the match itself shows it: by the name of its slot, its PCI path, or
 * its MAC address.
 */
export function matchedOnSource(match: NicMatch, nic: Nic, hasKernelNames: boolean): boolean | undefined {
  const names = hasKernelNames ? [nic.sourceKernelName] : nic.sourceNames;
  const isKnown = names.length > 0 && names.every((name) => name !== undefined);
  return all([
    match.names === undefined ||
      anyOf(match.names, (pattern) => {
        const isJudged = isKnown && /[*?[]/.test(pattern);
        return (
          sourceName(pattern, nic) ?? (isJudged ? names.some((name) => matchesGlob(pattern, name ?? '')) : undefined)
        );
      }),
    match.macs === undefined || (nic.mac === undefined ? undefined : match.macs.includes(nic.mac)),
    match.drivers === undefined || anyOf(match.drivers, (pattern) => (pattern === '*' ? true : undefined)),
    match.paths === undefined ||
      anyOf(match.paths, (pattern) =>
        nic.sourceAddress === undefined ? undefined : matchesGlob(pattern, `pci-${nic.sourceAddress}`),
      ),
  ]);
}

/** True or false for an interface name that itself identifies the NIC on VMware: `ens192`, `eth1`. */
function sourceName(name: string, nic: Nic): boolean | undefined {
  if (/^eth\d+$/.test(name)) return nic.sourceKernelName === undefined ? undefined : nic.sourceKernelName === name;
  if (/^en[osp][\ds]+$/.test(name)) return nic.sourceNames.length === 0 ? undefined : nic.sourceNames.includes(name);
  return undefined;
}

function matchesName(pattern: string, name: NicName, { targetNames }: Nic): boolean | undefined {
  if (name !== undefined) return matchesGlob(pattern, name);
  if (targetNames.length > 0) return matchesAll(pattern, targetNames);
  if (['*', 'e*', 'en*'].includes(pattern)) return true;
  // The rest of the name depends on the NIC's PCI address.
  return /[*?[]/.test(pattern) && (pattern.startsWith(PREDICTABLE) || /^[*?[]/.test(pattern)) ? undefined : false;
}

function matchesPath(pattern: string, { targetAddresses }: Nic): boolean | undefined {
  if (pattern === '*') return true;
  return targetAddresses.length === 0
    ? undefined
    : matchesAll(
        pattern,
        targetAddresses.map((each) => `pci-${each}`),
      );
}

/** Undefined if only some of the possible values match. */
function matchesAll(pattern: string, possible: readonly string[]): boolean | undefined {
  const found = possible.filter((each) => matchesGlob(pattern, each));
  return found.length === possible.length ? true : found.length === 0 ? false : undefined;
}

/** A list of patterns; with a leading `!`, none of them may match. */
function anyOf(patterns: readonly string[], matches: (pattern: string) => boolean | undefined): boolean | undefined {
  const isNegated = patterns[0]?.startsWith('!') === true;
  const results = new Set(patterns.map((pattern) => matches(pattern.replace(/^!/, ''))));
  const any = results.has(true) ? true : results.has(undefined) ? undefined : false;
  return isNegated && any !== undefined ? !any : any;
}

function all(results: readonly (boolean | undefined)[]): boolean | undefined {
  const set = new Set(results);
  if (set.has(false)) return false;
  return set.has(undefined) ? undefined : true;
}
