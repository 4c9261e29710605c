import { parseMultipathAliases, parseMultipathBindings } from '../../config/multipath-conf.ts';
import { assigned, parseUdevRules, type UdevRule } from '../../config/udev-rules.ts';
import type { GuestTree } from '../../guest-tree.ts';
import type { DiskAlias, GuestDisk } from '../../guest.ts';

/** The ids of VMware's virtual disks begin with VMware's IEEE identifier and a 9 (NAA type 6). */
const VMWARE_ID = /6000c29[0-9a-f]*/i;

/**
 * True for a text that contains the id of a VMware virtual disk: `36000c29...`, `wwn-0x6000c29...`, `naa.6000c29...`.
 */
export function hasVmwareId(text: string): boolean {
  return VMWARE_ID.test(text);
}

/**
 * The disk, counted from 0, with the VMware id in `text`. If the source records no id, the id belongs to the only
 * disk; with several disks without ids, no guess is made.
 */
export function diskWithId(text: string, disks: readonly Pick<GuestDisk, 'uuid'>[]): number | undefined {
  const id = VMWARE_ID.exec(text)?.[0].toLowerCase();
  if (id === undefined) return undefined;
  const matching = disks.flatMap(({ uuid = '' }, index) => (isIdOf(id, uuid) ? [index] : []));
  if (matching.length > 0) return matching.length === 1 ? matching[0] : undefined;
  return disks.length === 1 && disks[0]?.uuid === undefined ? 0 : undefined;
}

/** udev's `ID_WWN` contains the first 16 of the 32 digits. */
function isIdOf(id: string, uuid: string): boolean {
  return id === uuid || (id.length === 16 && uuid.startsWith(id));
}

/**
 * The names that the guest's configuration gives to disks by their ids on VMware: multipath aliases, and links of
 * udev rules.
 */
export async function readDiskAliases(files: GuestTree, disks: readonly GuestDisk[]): Promise<DiskAlias[]> {
  const multipath = [
    ...parseMultipathAliases((await files.read('/etc/multipath.conf')) ?? ''),
    ...parseMultipathBindings((await files.read('/etc/multipath/bindings')) ?? ''),
  ];
  const aliases: DiskAlias[] = multipath
    .filter(({ wwid }) => hasVmwareId(wwid))
    .map(({ name, wwid }) => ({ name: `/dev/mapper/${name}`, disk: diskWithId(wwid, disks), partition: 'any' }));
  for (const file of await files.find('/etc/udev/rules.d', /\.rules$/)) {
    for (const rule of parseUdevRules((await files.read(file)) ?? '')) aliases.push(...aliasesOf(rule, file, disks));
  }
  return aliases;
}

function aliasesOf(rule: UdevRule, file: string, disks: readonly GuestDisk[]): DiskAlias[] {
  const id = rule.tokens.find(({ operator, value }) => operator === '==' && hasVmwareId(value));
  if (id === undefined) return [];
  const disk = diskWithId(id.value, disks);
  return [...assigned(rule, 'SYMLINK'), ...assigned(rule, 'NAME')].map((link) => ({
    name: `/dev/${link}`,
    disk,
    partition: partitionOf(rule),
    file,
  }));
}

/** The partition that a rule matches: `KERNEL=="sd?1"`, `ATTR{partition}=="1"`, `ENV{ID_PART_ENTRY_NUMBER}=="1"`. */
function partitionOf({ tokens }: UdevRule): number | undefined {
  for (const { key, attribute, operator, value } of tokens) {
    if (operator !== '==') continue;
    const isNumber = attribute === 'partition' || attribute === 'ID_PART_ENTRY_NUMBER' || attribute === 'PARTN';
    const [, digits] = /^(?:sd\S*?\D)?(\d+)$/.exec(key === 'KERNEL' || isNumber ? value : '') ?? [];
    if (digits !== undefined) return Number(digits);
  }
  return undefined;
}

/**
 * The place of a name with a VMware id; `disk` is undefined if the disk is unknown or missing. Undefined for a name
 * without such an id. Multipath and udev append the partition number as `-part1`, `_part1`, `p1` or `1`.
 */
export function placeById(
  spec: string,
  { disks, aliases = [] }: { disks: readonly GuestDisk[]; aliases?: readonly DiskAlias[] | undefined },
): { disk: number | undefined; partition: number | undefined } | undefined {
  for (const { name, disk, partition } of aliases) {
    const match = aliasPattern(name, partition === 'any').exec(spec);
    if (!match) continue;
    const number = match[1] ? Number(match[1]) : undefined;
    return { disk, partition: number ?? (partition === 'any' ? undefined : partition) };
  }
  const [, name, part] =
    /^\/dev\/disk\/by-id\/(.+?)(?:-part(\d+))?$/.exec(spec) ??
    /^\/dev\/mapper\/(3?6000c29(?:[0-9a-f]{25}|[0-9a-f]{9}))(?:[-_]part|p)?(\d+)?$/i.exec(spec) ??
    [];
  if (name === undefined || !hasVmwareId(name)) return undefined;
  return { disk: diskWithId(name, disks), partition: part ? Number(part) : undefined };
}

/** `%n` in a udev link is the partition number. */
function aliasPattern(name: string, isAnyPartition: boolean): RegExp {
  const plain = name.split(/%n|\$number/).map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`));
  return new RegExp(`^${plain.join(String.raw`(\d*)`)}${isAnyPartition ? String.raw`(?:(?:[-_]part|p)?(\d+))?` : ''}$`);
}
