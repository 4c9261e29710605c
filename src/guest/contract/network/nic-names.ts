import { posix } from 'node:path';
import type { GuestTree } from '../../guest-tree.ts';
import { iniValue, readIni } from '../../inspect/ini.ts';
import { readMac } from '../../inspect/interface-name.ts';
import type { BootCheck } from '../boot-check.ts';
import { matchesAlternatives } from '../../config/glob.ts';
import { parseUdevRules, type UdevRule, type UdevToken } from '../../config/udev-rules.ts';
import { readMatch, type MatchContext } from './match-section.ts';
import { matchesOnTarget, type NicMatch, type NicName } from './nic-match.ts';
import type { Nic } from './nic.ts';

/** A rename of a NIC, and its origin. */
export interface Rename {
  match: NicMatch;
  /** Undefined for a policy that creates predictable names. */
  name: NicName;
  /** What the tool does if another NIC has the name: udev fails, the Red Hat family's scripts exchange the names. */
  exchanges: boolean;
  file: string;
  line?: number | undefined;
}

/** The folders of `.link` files; for files of the same name, the first folder takes precedence. */
const LINK_FOLDERS = [
  '/etc/systemd/network',
  '/run/systemd/network',
  '/usr/local/lib/systemd/network',
  '/usr/lib/systemd/network',
  '/lib/systemd/network',
];
const RULE_FOLDERS = ['/etc/udev/rules.d', '/usr/lib/udev/rules.d', '/lib/udev/rules.d'];
/** The rules of systemd 209 and later, and of 197 to 208. */
const NAMING_RULES = ['80-net-setup-link.rules', '80-net-name-slot.rules'];

/** How the guest names NICs. */
export interface NamingScheme {
  /** udev rules, of which the first match is used; they precede `links`. */
  rules: readonly Rename[];
  links: readonly Rename[];
  /** True if NICs keep the kernel's names unless they are renamed. */
  hasKernelNames: boolean;
}

export async function readNamingScheme(files: GuestTree, context: MatchContext): Promise<NamingScheme> {
  const isOff = context.kernelWords.some((word) => /^net\.ifnames=(0|no?|false|off|f)$/.test(word));
  const hasRule = await isActive(files, RULE_FOLDERS, NAMING_RULES);
  const links = hasRule ? await readLinks(files, context, isOff) : [];
  const hasLinks = hasRule && (await isActive(files, LINK_FOLDERS, ['99-default.link']));
  const isSlotNamed = hasRule && (await isActive(files, RULE_FOLDERS, ['80-net-name-slot.rules']));
  return {
    rules: [...(await readRules(files, await isOlderUdev(files))), ...(await readHardwareAddresses(files))],
    links,
    hasKernelNames: isOff || !(hasLinks || isSlotNamed),
  };
}

/**
 * True if one of the files exists, and is not masked by an empty file or a link to `/dev/null` in an earlier folder.
 */
async function isActive(files: GuestTree, folders: readonly string[], names: readonly string[]): Promise<boolean> {
  for (const name of names) {
    for (const folder of folders) {
      const path = posix.join(folder, name);
      const target = await files.linkTarget(path);
      const text = await files.read(path);
      if (target === undefined && text === undefined) continue;
      if (target !== '/dev/null' && text !== undefined && text.trim() !== '') return true;
      break;
    }
  }
  return false;
}

/** Sorted by file name, regardless of the folder. */
async function readLinks(files: GuestTree, context: MatchContext, ignoresPolicies: boolean): Promise<Rename[]> {
  const paths = new Map<string, string>();
  for (const folder of LINK_FOLDERS) {
    for (const path of await files.find(folder, /\.link$/)) {
      const name = posix.basename(path);
      if (!paths.has(name)) paths.set(name, path);
    }
  }
  const renames: Rename[] = [];
  for (const [, path] of [...paths].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const sections = readIni((await files.read(path)) ?? '');
    const match = readMatch(sections, context);
    // A file without a match is ignored.
    if (match === undefined || !sections.some(({ name, values }) => name === 'Match' && values.size > 0)) continue;
    const policies = ignoresPolicies ? [] : (iniValue(sections, 'Link', 'NamePolicy') ?? '').split(/\s+/);
    const isPredictable = policies.some((policy) => ['slot', 'path', 'onboard'].includes(policy));
    const name = isPredictable ? undefined : (iniValue(sections, 'Link', 'Name') ?? '');
    renames.push({ match, name, exchanges: false, file: path });
  }
  return renames;
}

/**
 * Before 197, which introduced predictable names, udev waited until a name was free, so two NICs could exchange
 * theirs.
 */
async function isOlderUdev(files: GuestTree): Promise<boolean> {
  for (const folder of RULE_FOLDERS.slice(1)) {
    for (const name of NAMING_RULES) if (await files.isFile(`${folder}/${name}`)) return false;
  }
  return files.isFolder('/lib/udev/rules.d');
}

/** `NAME=` in the guest's own rules, such as `70-persistent-net.rules`. */
async function readRules(files: GuestTree, exchanges: boolean): Promise<Rename[]> {
  const renames: Rename[] = [];
  for (const file of await files.find('/etc/udev/rules.d', /\.rules$/)) {
    for (const rule of parseUdevRules((await files.read(file)) ?? '')) {
      const name = rule.tokens.find(
        ({ key, operator }) => key === 'NAME' && operator !== '==' && operator !== '!=',
      )?.value;
      const isForNics =
        rule.tokens.some(({ key, value }) => key === 'SUBSYSTEM' && value === 'net') ||
        /net/.test(posix.basename(file));
      if (name === undefined || !isForNics || /[$%]/.test(name)) continue;
      renames.push({ match: matchOfRule(rule), name, exchanges, file, line: rule.line });
    }
  }
  // The last matching rule takes precedence.
  return renames.toReversed();
}

function matchOfRule({ tokens }: UdevRule): NicMatch {
  const of = (key: string, attribute?: string): string[] | undefined => {
    const token = tokens.find((each) => each.key === key && each.attribute === attribute && each.operator === '==');
    return token?.value.split('|');
  };
  const macs = (of('ATTR', 'address') ?? of('ATTRS', 'address'))?.flatMap((each) => readMac(each) ?? []);
  const drivers = of('DRIVERS') ?? of('ENV', 'ID_NET_DRIVER');
  return {
    macs,
    names: of('KERNEL'),
    // `?*` matches any physical NIC.
    drivers: drivers?.map((driver) => (driver === '?*' ? '*' : driver)),
    paths: of('ENV', 'ID_PATH') ?? of('KERNELS')?.map((address) => `pci-${address}`),
    conditions: { result: tokens.every((token) => isPlain(token)) ? true : undefined },
  };
}

/** Keys that are evaluated, or that match every Ethernet NIC when it is added. */
function isPlain({ key, attribute = '', operator, value }: UdevToken): boolean {
  if (operator !== '==' && operator !== '!=') return true;
  if (key === 'ATTR' || key === 'ATTRS') {
    return (
      attribute === 'address' ||
      (attribute === 'type' && value === '1') ||
      (attribute === 'dev_id' && matchesAlternatives(value, '0x0'))
    );
  }
  if (key === 'ENV') return ['ID_NET_DRIVER', 'ID_PATH'].includes(attribute) || value === '';
  return ['SUBSYSTEM', 'ACTION', 'KERNEL', 'DRIVERS', 'KERNELS', 'NAME', 'SUBSYSTEMS'].includes(key);
}

/** `60-net.rules` of the Red Hat family's network scripts gives the NIC with `HWADDR` the name in `DEVICE`. */
async function readHardwareAddresses(files: GuestTree): Promise<Rename[]> {
  const texts = await Promise.all(RULE_FOLDERS.map((folder) => files.read(`${folder}/60-net.rules`)));
  if (!texts.some((text) => text?.includes('rename_device'))) return [];
  const renames: Rename[] = [];
  for (const file of await files.find('/etc/sysconfig/network-scripts', /^ifcfg-/)) {
    const text = (await files.read(file)) ?? '';
    const mac = readMac(/^\s*HWADDR=(.*)$/m.exec(text)?.[1]);
    const name = /^\s*DEVICE=["']?([\w.-]+)/m.exec(text)?.[1];
    if (mac !== undefined && name !== undefined) renames.push({ match: { macs: [mac] }, name, exchanges: true, file });
  }
  return renames;
}

/** The names of the NICs, in NIC order. */
export interface NamedNics {
  names: readonly NicName[];
  /** True for a name that depends on the MAC address only, as on VMware. */
  isBound: readonly boolean[];
  /** The renames that fail. */
  checks: BootCheck[];
}

/** udev cannot give a NIC the name of another one, even if that one is to be renamed too. */
export function nameNics(nics: readonly Nic[], { rules, links, hasKernelNames }: NamingScheme): NamedNics {
  const renames = nics.map((nic) => {
    const first = (list: readonly Rename[]) => list.find(({ match }) => matchesOnTarget(match, nic, nic.kernelName));
    return first(rules) ?? first(links);
  });
  const wanted = nics.map(({ kernelName }, index): NicName => {
    const rename = renames[index];
    if (rename === undefined) return hasKernelNames ? kernelName : undefined;
    return rename.name === '' ? kernelName : rename.name;
  });
  const checks: BootCheck[] = [];
  const names = nics.map((nic, index): NicName => {
    const name = wanted[index];
    const rename = renames[index];
    const other = nics.findIndex((each, at) => at !== index && (each.kernelName === name || wanted[at] === name));
    const isFree = other < 0 || rename === undefined || rename.exchanges;
    if (name === undefined || name === nic.kernelName || isFree) return name;
    const reason = `${nic.title} is to be called ${name}, but ${nics[other]?.title} has that name, so that the rename fails.`;
    checks.push({ area: 'network', verdict: 'not-ready', file: rename.file, line: rename.line, reason });
    return nic.kernelName;
  });
  const isBound = nics.map((_, index) => names[index] === wanted[index] && renames[index]?.match.macs !== undefined);
  return { names, isBound, checks };
}
