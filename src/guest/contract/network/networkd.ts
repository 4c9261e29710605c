import { posix } from 'node:path';
import type { GuestTree } from '../../guest-tree.ts';
import { iniValue, readIni } from '../../inspect/ini.ts';
import { isNicName } from '../../inspect/interface-name.ts';
import { addressesIn, lineOf, type InterfaceUse } from './interface-use.ts';
import { readMatch, type MatchContext } from './match-section.ts';

const FOLDERS = ['/etc/systemd/network', '/run/systemd/network'];

/** The guest's own `.network` files, in the order in which systemd-networkd tries them. Empty if it is not enabled. */
export async function readNetworkd(files: GuestTree, context: MatchContext): Promise<InterfaceUse[]> {
  if (!(await isEnabled(files, 'systemd-networkd.service'))) return [];
  const paths = new Map<string, string>();
  for (const folder of FOLDERS) {
    for (const path of await files.find(folder, /\.network$/)) {
      if (!paths.has(posix.basename(path))) paths.set(posix.basename(path), path);
    }
  }
  const uses: InterfaceUse[] = [];
  for (const [title, file] of [...paths].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const text = (await files.read(file)) ?? '';
    const sections = readIni(text);
    const match = readMatch(sections, context);
    if (match === undefined || iniValue(sections, 'Link', 'Unmanaged') === 'yes') continue;
    // Names of bridges, tunnels and other virtual interfaces match no NIC.
    if (match.names?.every((name) => !/[*?[!]/.test(name) && !isNicName(name)) === true) continue;
    const hasAddress = sections.some(
      ({ name, values }) => ['Network', 'Address'].includes(name) && values.has('Address'),
    );
    const addresses = addressesIn([...text.matchAll(/^\s*Address\s*=(.*)$/gm)].map(([, value]) => value));
    const line = lineOf(text, /^\s*\[Match\]/);
    uses.push({ title: `the configuration ${title}`, file, line, match, hasAddress, addresses, isExclusive: true });
  }
  return uses;
}

/** True if a systemd unit is enabled. */
export async function isEnabled(files: GuestTree, unit: string): Promise<boolean> {
  for (const folder of await files.find('/etc/systemd/system', /\.(wants|requires)$/)) {
    if ((await files.list(folder)).includes(unit)) return true;
  }
  return false;
}
