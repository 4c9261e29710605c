import { nicNameOf, isNicName, type InterfaceName } from '../../inspect/interface-name.ts';

/** Options of a stanza that make its interface a virtual one, and list its ports. */
const PORTS = /^(bridge[_-]ports|bond[_-]slaves|slaves|vlan[_-]raw[_-]device)$/;

/** The NICs in `/etc/network/interfaces` (interfaces(5)) and in the files that it includes. */
export function ifupdownNames(text: string): InterfaceName[] {
  const names = new Set<string>();
  const virtual = new Set<string>();
  let current = '';
  for (const line of text.replaceAll('\\\n', ' ').split('\n')) {
    const [word = '', ...rest] = line.trim().split(/\s+/);
    if (word === 'iface') current = rest[0] ?? '';
    if (word === 'iface' || word === 'auto' || word.startsWith('allow-')) {
      for (const name of word === 'iface' ? rest.slice(0, 1) : rest) names.add(nicNameOf(name));
    }
    if (!PORTS.test(word)) continue;
    if (!word.startsWith('vlan')) virtual.add(current);
    else if (!/[.:]/.test(current)) virtual.add(current);
    for (const port of rest.filter((each) => !['none', 'all', 'regex'].includes(each))) names.add(nicNameOf(port));
  }
  return [...names].filter((name) => isNicName(name) && !virtual.has(name)).map((name) => ({ name }));
}
