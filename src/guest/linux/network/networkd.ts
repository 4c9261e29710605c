import { isNicName, readMac, type InterfaceName } from '../../inspect/interface-name.ts';
import { iniValue, readIni } from '../../inspect/ini.ts';

/** Patterns that match any predictable NIC name. */
const WIDE = /^(\*|e\*|en\*)$/;

/**
 * The NIC of a systemd-networkd `.network` file. `patterns` are those that only names of the old hardware may match.
 */
export function networkdNames(text: string): { names: InterfaceName[]; patterns: string[] } {
  const sections = readIni(text);
  if (readMac(firstWord(iniValue(sections, 'Match', 'MACAddress'))) !== undefined) return { names: [], patterns: [] };
  const words = (iniValue(sections, 'Match', 'Name') ?? '').split(/\s+/).filter((word) => word !== '');
  if (words.some((word) => WIDE.test(word))) return { names: [], patterns: [] };
  return {
    names: words.filter(isNicName).map((name) => ({ name })),
    patterns: words.filter((word) => /[*?[]/.test(word) && !word.startsWith('!')),
  };
}

/** The bindings of a `.link` file: a name for a MAC address. */
export function linkNames(text: string): InterfaceName[] {
  const sections = readIni(text);
  const match = iniValue(sections, 'Match', 'PermanentMACAddress') ?? iniValue(sections, 'Match', 'MACAddress');
  const mac = readMac(firstWord(match));
  const name = iniValue(sections, 'Link', 'Name');
  return mac !== undefined && name !== undefined ? [{ name, mac, bound: true }] : [];
}

function firstWord(text: string | undefined): string | undefined {
  return text?.trim().split(/\s+/, 1)[0];
}
