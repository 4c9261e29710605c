import type { RootStack, VolumeKind } from '../root-stack.ts';
import type { ArchiveTree } from './archive/archive-tree.ts';
import type { InitramfsFinding } from './check-drivers.ts';

/** Any one of these programs activates the volumes below the root. */
const PROGRAMS: Readonly<Record<VolumeKind, readonly string[]>> = {
  luks: ['cryptsetup', 'systemd-cryptsetup'],
  lvm: ['lvm'],
  md: ['mdadm'],
};
const FOLDERS = ['/sbin', '/usr/sbin', '/bin', '/usr/bin', '/lib/systemd', '/usr/lib/systemd'];

/** Whether the initramfs has the programs for the volumes below the root. */
export async function checkPrograms(tree: ArchiveTree, { kinds }: RootStack): Promise<InitramfsFinding[]> {
  const findings: InitramfsFinding[] = [];
  for (const kind of kinds) {
    const paths = PROGRAMS[kind].flatMap((program) => FOLDERS.map((folder) => `${folder}/${program}`));
    const there = await Promise.all(paths.map((path) => tree.isFile(path)));
    const found = paths.find((_, index) => there[index]);
    const what = PROGRAMS[kind].join(' or ');
    findings.push(
      found === undefined
        ? { verdict: 'not-ready', reason: `The initramfs has no ${what}, which the root file system needs.` }
        : { verdict: 'ready', path: found, reason: `The initramfs has ${found}, which the root file system needs.` },
    );
  }
  return findings;
}
