import type { GuestFiles } from '../../guest-files.ts';

/** The module lists of a kernel have a few hundred KiB. */
const MOST_LIST_BYTES = 3 * 1024 * 1024;

/** The modules of a kernel, by name with `_` instead of `-`. */
export interface KernelModules {
  builtin: ReadonlySet<string>;
  loadable: ReadonlySet<string>;
}

/** Reads the lists in `/lib/modules/VERSION`. */
export async function readKernelModules(files: GuestFiles, version: string): Promise<KernelModules> {
  const folder = `/lib/modules/${version}`;
  const [builtin = '', dependencies = ''] = [
    await files.read(`${folder}/modules.builtin`, MOST_LIST_BYTES),
    await files.read(`${folder}/modules.dep`, MOST_LIST_BYTES),
  ];
  return {
    builtin: moduleNames(builtin.split('\n')),
    loadable: moduleNames(dependencies.split('\n').map((line) => line.split(':', 1)[0] ?? '')),
  };
}

/** The module names for paths: `kernel/drivers/virtio/virtio_pci.ko.xz` is `virtio_pci`. */
export function moduleNames(paths: readonly string[]): ReadonlySet<string> {
  return new Set(
    paths.flatMap((path) => {
      const [, name] = /(?:^|\/)([^/]+)\.ko(?:\.(?:gz|xz|zst))?$/.exec(path.trim()) ?? [];
      return name === undefined ? [] : [name.replaceAll('-', '_')];
    }),
  );
}
