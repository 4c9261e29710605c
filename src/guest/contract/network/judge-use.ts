import type { BootCheck } from '../boot-check.ts';
import type { InterfaceUse } from './interface-use.ts';
import { matchedOnSource, matchesOnTarget } from './nic-match.ts';
import type { NamedNics } from './nic-names.ts';
import type { Nic } from './nic.ts';

/**
 * Checks that each configuration belongs to the NIC that it had on VMware. NICs that an exclusive configuration
 * claimed are not available to the next one.
 */
export function judgeUses(
  uses: readonly InterfaceUse[],
  nics: readonly Nic[],
  named: NamedNics,
  hasKernelNames: boolean,
): BootCheck[] {
  const taken = { target: new Set<Nic>(), source: new Set<Nic>() };
  return uses.map((use) => {
    const isFree = (side: 'target' | 'source') => (nic: Nic) => use.isExclusive !== true || !taken[side].has(nic);
    const onTarget = nics.map((nic, index) => matchesOnTarget(use.match, nic, named.names[index]));
    const onSource = nics.map((nic) => matchedOnSource(use.match, nic, hasKernelNames));
    const found = nics.filter((_, index) => onTarget[index] === true).filter(isFree('target'));
    const source = nics.filter((_, index) => onSource[index] === true).filter(isFree('source'));
    const isSourceKnown = !onSource.includes(undefined);
    if (use.isExclusive) {
      for (const nic of found) taken.target.add(nic);
      for (const nic of source) taken.source.add(nic);
    }
    const isPossible = nics.some((nic, index) => onTarget[index] === undefined && isFree('target')(nic));
    if (found.length === 0)
      return judgeUnmatched(use, { isPossible, wasUnmatched: isSourceKnown && source.length === 0 });
    if (found.length > 1) return judgeSeveral(use, found);
    return judgeOne(use, found[0], { source, isSourceKnown, nics, named });
  });
}

function judgeUnmatched(
  use: InterfaceUse,
  { isPossible, wasUnmatched }: { isPossible: boolean; wasUnmatched: boolean },
): BootCheck {
  if (isPossible) return check(use, 'unknown', `Whether ${shown(use)} matches a NIC of the VM cannot be judged.`);
  const fault = check(
    use,
    'not-ready',
    `No NIC of the VM matches ${shown(use)}${wasUnmatched ? '; none did on VMware' : ''}.`,
  );
  return wasUnmatched ? { ...fault, isAdvisory: true } : fault;
}

/** A static address must be on one NIC only; DHCP may be on all. */
function judgeSeveral(use: InterfaceUse, found: readonly Nic[]): BootCheck {
  const which = found.map(({ title }) => title).join(', ');
  if (!use.hasAddress) return check(use, 'ready', `${shown(use)} is for ${which}.`);
  const isForAny = criteriaOf(use).length === 0;
  const reason = `${shown(use)} has an address for one NIC, and matches several: ${which}.`;
  return check(use, isForAny ? 'unknown' : 'not-ready', reason);
}

interface Found {
  source: readonly Nic[];
  isSourceKnown: boolean;
  nics: readonly Nic[];
  named: NamedNics;
}

/** A static address on the wrong network is worse than none. */
function judgeOne(use: InterfaceUse, nic: Nic | undefined, { source, isSourceKnown, nics, named }: Found): BootCheck {
  const where = `${shown(use)} is ${nic?.title}`;
  const [was, ...more] = source;
  if (isSourceKnown && was !== undefined && more.length === 0 && was !== nic) {
    return check(use, 'not-ready', `${where}, but it was ${was.title} on VMware.`);
  }
  const isBound = nics.some((each, index) => each === nic && named.isBound[index]);
  const followsSlot =
    use.match.names?.some((name) => /^(eth\d+|en[osp][\ds]+)$/.test(name)) === true && use.match.macs === undefined;
  const isCertain =
    nics.length === 1 || use.match.macs !== undefined || (followsSlot ? isSourceKnown : isBound || source.length > 0);
  if (isCertain) return check(use, 'ready', `${where}.`);
  return check(use, 'unknown', `${where}; which it was on VMware is not known.`);
}

/** The title, and the match criteria if they differ from it. */
function shown(use: InterfaceUse): string {
  const criteria = criteriaOf(use);
  if (criteria.length === 1 && criteria[0] === `name ${use.title}`) return use.title;
  return `${use.title} (${criteria.join(', ') || 'any NIC'})`;
}

/** The criteria as written. */
function criteriaOf({ match }: InterfaceUse): string[] {
  const parts = [
    ['name', match.names],
    ['MAC address', match.macs],
    ['driver', match.drivers],
    ['path', match.paths],
  ] as const;
  return parts.flatMap(([what, values]) => (values === undefined ? [] : [`${what} ${values.join(' ')}`]));
}

function check({ file, line, addresses = [] }: InterfaceUse, verdict: BootCheck['verdict'], reason: string): BootCheck {
  return { area: 'network', verdict, file, line, ...(addresses.length > 0 && { addresses }), reason };
}
