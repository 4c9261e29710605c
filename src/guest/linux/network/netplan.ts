import { isNicName, readMac, type InterfaceName } from '../../inspect/interface-name.ts';

interface Line {
  indent: number;
  key: string;
  value: string;
}

/**
 * The NICs in `ethernets:` of a netplan file. Supports the YAML subset of netplan files: block mappings, and flow
 * mappings on one line.
 */
export function netplanNames(text: string): InterfaceName[] {
  const lines = text.split('\n').flatMap(readLine);
  const names: InterfaceName[] = [];
  for (const [index, { key, indent }] of lines.entries()) {
    if (key !== 'ethernets') continue;
    const entries = blockOf(lines, index, indent);
    const depth = entries[0]?.indent ?? 0;
    for (const [at, entry] of entries.entries()) {
      if (entry.indent === depth) names.push(...nameOf(entry, blockOf(entries, at, depth)));
    }
  }
  return names;
}

function nameOf({ key, value: flow }: Line, block: readonly Line[]): InterfaceName[] {
  const match = block.findIndex((line) => line.key === 'match');
  const inMatch = match < 0 ? [] : blockOf(block, match, block[match]?.indent ?? 0);
  const flows = `${flow} ${block[match]?.value ?? ''}`;
  const find = (name: string, lines: readonly Line[]): string | undefined =>
    lines.find((line) => line.key === name)?.value ?? new RegExp(`\\b${name}:\\s*["']?([^\\s"',}]+)`).exec(flows)?.[1];
  const mac = readMac(find('macaddress', inMatch));
  const setName = find('set-name', block);
  // netplan itself matches the MAC address, and assigns the name if one is to be set.
  if (mac !== undefined) return setName === undefined ? [] : [{ name: setName, mac, bound: true }];
  const hasMatch = match >= 0 || /\bmatch:/.test(flow);
  const name = hasMatch ? find('name', inMatch) : key;
  return name !== undefined && isNicName(name) ? [{ name }] : [];
}

/** The lines after line `index` with a deeper indentation. */
function blockOf(lines: readonly Line[], index: number, indent: number): Line[] {
  const rest = lines.slice(index + 1);
  const end = rest.findIndex((line) => line.indent <= indent);
  return end < 0 ? rest : rest.slice(0, end);
}

function readLine(line: string): Line[] {
  const [, space = '', key = '', value = ''] =
    /^(\s*)["']?([\w.:*?[\]-]+?)["']?\s*:(?:\s+(.*?))?\s*$/.exec(line.replace(/(^|\s)#.*$/, '')) ?? [];
  return key === '' ? [] : [{ indent: space.length, key, value: value.replace(/^(["'])(.*)\1$/, '$2') }];
}
