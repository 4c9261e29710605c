import type { IniSection } from '../../inspect/ini.ts';
import { readMac } from '../../inspect/interface-name.ts';
import type { NicMatch } from './nic-match.ts';

/** The context of a `[Match]` section (systemd.link(5), systemd.network(5)), besides the NIC. */
export interface MatchContext {
  kernelWords: readonly string[];
}

const NAME_KEYS = ['Name', 'OriginalName'];
/** Keys that cannot be evaluated for an Ethernet NIC outside the guest. */
const UNKNOWN_KEYS = ['Property', 'KernelVersion', 'Architecture', 'Host', 'Firmware', 'Credential'];

/** The match of all `[Match]` sections of a file; undefined if none can match an Ethernet NIC. */
export function readMatch(sections: readonly IniSection[], { kernelWords }: MatchContext): NicMatch | undefined {
  const values = new Map(sections.filter(({ name }) => name === 'Match').flatMap(({ values: each }) => [...each]));
  const list = (keys: readonly string[]): string[] | undefined => {
    const found = keys.flatMap((key) => values.get(key)?.split(/\s+/) ?? []).filter(Boolean);
    return found.length === 0 ? undefined : found;
  };
  const type = list(['Type']);
  if (type && !type.some((each) => each === '*' || each.startsWith('ether') || each.startsWith('!'))) return undefined;
  if (values.has('SSID') || values.has('WLANInterfaceType') || values.has('Kind')) return undefined;
  const isUnknown = UNKNOWN_KEYS.some((key) => values.has(key));
  const virtualization = values.get('Virtualization');
  const word = values.get('KernelCommandLine');
  const isMet =
    (virtualization === undefined || isVirtualization(virtualization)) &&
    (word === undefined || kernelWords.includes(word.replace(/^!/, '')) !== word.startsWith('!'));
  const macs = list(['MACAddress', 'PermanentMACAddress'])?.flatMap((each) => readMac(each) ?? []);
  return {
    names: list(NAME_KEYS),
    macs,
    drivers: list(['Driver']),
    paths: list(['Path']),
    conditions: { result: isMet && isUnknown ? undefined : isMet },
  };
}

/** The target is a KVM VM. */
function isVirtualization(value: string): boolean {
  const isOurs = ['yes', 'true', '1', 'on', 'vm', 'kvm', 'qemu'].includes(value.replace(/^!/, '').toLowerCase());
  return isOurs !== value.startsWith('!');
}
