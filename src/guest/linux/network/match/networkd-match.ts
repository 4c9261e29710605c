import { readMac } from '../../../inspect/interface-name.ts';
import {
  hasDriver,
  hasMac,
  hasPath,
  matchedNics,
  not,
  type NicTest,
  type RewrittenMatches,
  type SourceNic,
} from './source-nics.ts';

interface MatchLine {
  /** The line index in the file. */
  at: number;
  key: string;
  value: string;
}

/**
 * Rewrites `Driver=` and `Path=` in the `[Match]` sections of a `.network` or `.link` file (systemd.network(5),
 * systemd.link(5)) to the MAC addresses of the NICs that matched on VMware. `Type=ether` excludes VLANs and bridges,
 * which have the MAC address of their NIC.
 */
export function rewriteNetworkdMatch(text: string, nics: readonly SourceNic[]): RewrittenMatches {
  const lines = text.split('\n');
  const details: string[] = [];
  const problems: string[] = [];
  const dropped = new Set<number>();
  for (const section of matchSections(lines)) {
    const written = section.filter(({ key }) => key === 'Driver' || key === 'Path');
    const [first] = written;
    if (first === undefined) continue;
    const words = written.map(({ key, value }) => `${key}=${value}`).join(' ');
    const addresses = section.filter(({ key }) => key === 'MACAddress' || key === 'PermanentMACAddress');
    const found = matchedNics(nics, testsOf(written, addresses));
    if ('unknown' in found) problems.push(`${words} is not changed, because ${found.unknown}`);
    if ('unknown' in found || found.macs.length === 0) continue;
    for (const { at } of written) dropped.add(at);
    const type = section.some(({ key }) => key === 'Type') ? [] : ['Type=ether'];
    const carriage = lines[first.at]?.endsWith('\r') ? '\r' : '';
    const added = addresses.length > 0 ? [] : [`MACAddress=${found.macs.join(' ')}`, ...type];
    lines[first.at] = added.map((line) => line + carriage).join('\n');
    if (added.length > 0) dropped.delete(first.at);
    details.push(`${words} → MACAddress=${found.macs.join(' ')}`);
  }
  return { text: lines.filter((_line, at) => !dropped.has(at)).join('\n'), details, problems };
}

function testsOf(written: readonly MatchLine[], addresses: readonly MatchLine[]): NicTest[] {
  const listOf = (key: string): string[] =>
    written.filter((line) => line.key === key).flatMap(({ value }) => value.split(/\s+/));
  const macs = addresses.flatMap(({ value }) => value.split(/\s+/)).flatMap((word) => readMac(word) ?? []);
  return [
    ...testOfList(listOf('Driver'), hasDriver),
    ...testOfList(listOf('Path'), hasPath),
    ...(addresses.length === 0 ? [] : [hasMac(macs)]),
  ];
}

/** A list of patterns; with a leading `!`, none of them may match. */
function testOfList(
  [first = '', ...more]: readonly string[],
  make: (patterns: readonly string[]) => NicTest,
): NicTest[] {
  if (first === '') return [];
  return first.startsWith('!') ? [not(make([first.slice(1), ...more]))] : [make([first, ...more])];
}

/** The settings of each `[Match]` section. */
function matchSections(lines: readonly string[]): MatchLine[][] {
  const sections: MatchLine[][] = [];
  let current: MatchLine[] | undefined;
  for (const [at, line] of lines.entries()) {
    const [, name] = /^\s*\[(.+)\]\s*$/.exec(line) ?? [];
    if (name !== undefined) {
      current = name === 'Match' ? [] : undefined;
      if (current !== undefined) sections.push(current);
    }
    const [, key, value] = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined && value !== '') current?.push({ at, key, value });
  }
  return sections;
}
