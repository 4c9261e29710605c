import { lstat } from 'node:fs/promises';
import { basename } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import { checkNames } from '../../base/files/free-space.ts';
import { errnoOf, localFileError } from '../../base/files/local-file-error.ts';
import { fileIdentity } from '../../base/output/file-output.ts';
import { removeFile } from '../../base/output/local-folder.ts';
import { bothNames, partialPath } from '../../base/output/partial-name.ts';
import { overlayPath } from '../fix-guest/staged-images.ts';
import type { Layout } from './layout.ts';
import type { ConvertSource, SourceDisk } from './convert-source.ts';

type NamedFiles = Pick<Layout, 'disks' | 'domainPath' | 'manifestPath'>;

/** The final names of all files to write. */
export function finalPaths({ disks, domainPath, manifestPath }: NamedFiles): string[] {
  // The domain comes last: a folder that contains one has a complete result.
  return [...disks.map(({ path }) => path), manifestPath, domainPath].filter((path) => path !== undefined);
}

/**
 * Final names that already exist, including dangling links. Empty with `force`, which replaces them.
 * @throws kind `local-file` for an entry that cannot be replaced.
 */
export async function takenNames(layout: Layout, force: boolean): Promise<string[]> {
  const taken: string[] = [];
  for (const path of finalPaths(layout)) {
    const found = await lookAt(path);
    if (found === undefined) continue;
    if (!force) taken.push(path);
    // Checked before the work: after hours of copying, some of the other files would already have been replaced.
    else if (found.isDirectory()) {
      throw new Hyper2kvmError('local-file', `${path} is a folder, which --force does not overwrite.`, {
        hint: 'Move it, or choose another --output.',
      });
    }
  }
  return taken;
}

/**
 * Runs before hours of work.
 * @throws kind `local-file` for a name that the folder's file system does not support.
 */
export async function requireHoldable(layout: Layout): Promise<void> {
  const names = finalPaths(layout).map((path) => basename(path));
  const hint = 'Change the file names with --name NAME or --output FILE, or choose another --output.';
  await checkNames(layout.folder, names.flatMap(bothNames), hint);
}

/**
 * Removes what a killed or failed run left under the names to write. All are removed at once, because the free space
 * calculation depends on it. The caller has claimed the names.
 */
export async function removeLeftovers(layout: Layout): Promise<void> {
  for (const path of finalPaths(layout)) await removeFile(partialPath(path));
  await removeOverlays(layout);
}

/** Removes the overlays of a fix that was killed. */
export async function removeOverlays(layout: Layout): Promise<void> {
  for (const { path } of layout.disks) await removeFile(overlayPath(path));
}

/**
 * `--force` and leftover `.partial` names replace files. Neither may be a file of the source or another result.
 * @throws a usage error.
 */
export async function requireOwnNames(source: ConvertSource, layout: NamedFiles): Promise<void> {
  const read = [source.path, ...source.files, ...layout.disks.flatMap(({ disk }) => pathsOf(disk))];
  const identities = new Set(await Promise.all(read.map(fileIdentity)));
  const paths = finalPaths(layout);
  for (const written of paths.flatMap(bothNames)) {
    const identity = await fileIdentity(written);
    if (identity === '' || !identities.has(identity)) continue;
    throw new Hyper2kvmError('usage', `${written} would overwrite its own source.`, {
      hint: 'Choose another --output.',
    });
  }
  if (new Set(paths).size === paths.length) return;
  const twice = paths.find((path, index) => paths.indexOf(path) !== index);
  const other = twice === layout.domainPath ? 'libvirt domain' : 'manifest';
  throw new Hyper2kvmError('usage', `${twice} would be both the image and the ${other}.`, {
    hint: 'Choose another name as --output.',
  });
}

/** The files that a disk of the source is read from. */
export function pathsOf(disk: SourceDisk): string[] {
  return disk.kind === 'image' ? disk.image.files.map(({ path }) => path) : disk.packaged.parts.map(({ path }) => path);
}

async function lookAt(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    // The folder may not exist yet. Whatever prevents its creation is reported there.
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw localFileError('access', path, error);
  }
}
