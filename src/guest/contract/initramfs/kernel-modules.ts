import { posix } from 'node:path';
import type { GuestTree } from '../../guest-tree.ts';
import type { TargetDisk } from '../boot-check.ts';
import type { RootStack } from '../root-stack.ts';
import type { ArchiveTree } from './archive/archive-tree.ts';

/** The module lists of a kernel have a few hundred KiB. */
const MOST_LIST_BYTES = 16 * 1024 * 1024;

/** The modules that a kernel can use before the root file system is mounted. Module names have `_` instead of `-`. */
export interface BootModules {
  /** Built into the kernel; undefined if there is no list of them. */
  builtin: ReadonlySet<string> | undefined;
  /** In the initramfs. */
  loadable: ReadonlySet<string>;
  /** The dependencies of each module. */
  dependencies: ReadonlyMap<string, readonly string[]>;
  /** Other kernel versions for which the initramfs has modules. */
  otherVersions: readonly string[];
}

/** Modules that each disk driver needs besides its dependencies: the transport, and the driver for the disk device. */
const DISK_MODULES: Readonly<Record<string, readonly string[]>> = {
  virtio_blk: ['virtio_pci', 'virtio_blk'],
  virtio_scsi: ['virtio_pci', 'virtio_scsi', 'sd_mod'],
  nvme: ['nvme'],
};

/** A module, or alternatives with the same function. */
export type NeededModule = readonly [string, ...string[]];

/** The modules that are necessary for the disks and the root file system. */
export function neededModules(
  disks: readonly TargetDisk[],
  { root, kinds, disks: numbers }: RootStack,
): NeededModule[] {
  const needed = new Map<string, NeededModule>();
  const add = (...names: NeededModule): void => void needed.set(names[0], names);
  for (const { driver } of disks.filter((_, index) => numbers.includes(index))) {
    for (const name of DISK_MODULES[driver] ?? [driver, 'sd_mod']) add(name);
  }
  const type = root?.type ?? '';
  if (/^ext[23]$/.test(type)) add(type, 'ext4');
  else if (/^[a-z][a-z0-9]*$/.test(type)) add(type);
  if (kinds.has('lvm') || kinds.has('luks')) add('dm_mod');
  if (kinds.has('luks')) add('dm_crypt');
  if (kinds.has('md')) {
    add('md_mod');
    add('raid1', 'raid10', 'raid456', 'raid0', 'linear');
  }
  return [...needed.values()];
}

/** Reads the kernel's module lists from the initramfs, and those that are missing there from the root file system. */
export async function readBootModules(
  initramfs: ArchiveTree | undefined,
  root: GuestTree,
  version: string,
): Promise<BootModules> {
  const paths = initramfs?.paths() ?? [];
  const versions = new Set(
    paths.flatMap((path) => /^\/(?:usr\/)?lib\/modules\/([^/]+)\/.*\.ko(?:\.\w+)?$/.exec(path)?.[1] ?? []),
  );
  const own = paths.filter((path) => path.includes(`/lib/modules/${version}/`));
  const list = async (name: string): Promise<string | undefined> => {
    const path = posix.join('/lib/modules', version, name);
    return (await initramfs?.read(path)) ?? (await root.readBytes(path, MOST_LIST_BYTES))?.toString('latin1');
  };
  const builtin = await list('modules.builtin');
  const dependencies = (await list('modules.dep')) ?? '';
  return {
    builtin: builtin === undefined ? undefined : new Set(moduleNames(builtin.split('\n'))),
    loadable: new Set(moduleNames(own)),
    dependencies: new Map(dependencies.split('\n').flatMap(dependenciesOf)),
    otherVersions: [...versions].filter((each) => each !== version),
  };
}

/** The missing modules for a needed one: itself and its dependencies. Empty if it can be loaded. */
export function missingModules(needed: NeededModule, modules: BootModules): string[] {
  const results = needed.map((name) => missingOf(name, modules));
  return results.find((missing) => missing.length === 0) ?? results[0] ?? [];
}

function missingOf(name: string, { builtin, loadable, dependencies }: BootModules): string[] {
  if (builtin?.has(name) === true) return [];
  const all = [name, ...(dependencies.get(name) ?? [])];
  return all.filter((each) => !loadable.has(each) && builtin?.has(each) !== true);
}

/** A line of `modules.dep`: `kernel/a.ko.xz: kernel/b.ko.xz kernel/c.ko.xz`. */
function dependenciesOf(line: string): [string, string[]][] {
  const [module = '', others = ''] = line.split(':');
  const [name] = moduleNames([module]);
  return name === undefined ? [] : [[name, moduleNames(others.trim().split(/\s+/))]];
}

/** The module names for paths: `kernel/drivers/virtio/virtio_pci.ko.xz` is `virtio_pci`. */
export function moduleNames(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const [, name] = /(?:^|\/)([^/]+)\.ko(?:\.(?:gz|xz|zst|bz2|lzma))?$/.exec(path.trim()) ?? [];
    return name === undefined ? [] : [name.replaceAll('-', '_')];
  });
}
