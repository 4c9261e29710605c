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

/** All that is written, under its final name. */
export function finalPaths({ disks, domainPath }: Pick<Layout, 'disks' | 'domainPath'>): string[] {
  return [...disks.map(({ path }) => path), ...(domainPath === undefined ? [] : [domainPath])];
}

/** Final names that stand already, be it as links to nothing; none with `force`, which replaces them. Throws kind `local-file` for one that cannot be replaced. */
export async function takenNames(layout: Layout, force: boolean): Promise<string[]> {
  const taken: string[] = [];
  for (const path of finalPaths(layout)) {
    const found = await lookAt(path);
    if (found === undefined) continue;
    if (!force) taken.push(path);
    // Told now: after hours of work some of what it stands beside would be replaced already.
    else if (found.isDirectory()) {
      throw new Hyper2kvmError('local-file', `${path} is a folder, which --force does not overwrite.`, {
        hint: 'Move it, or choose another --output.',
      });
    }
  }
  return taken;
}

/** Before hours of work: throws kind `local-file` for a name that the file system of the folder cannot hold. */
export async function requireHoldable(layout: Layout): Promise<void> {
  const names = finalPaths(layout).map((path) => basename(path));
  const hint = 'Change the file names with --name NAME or --output FILE, or choose another --output.';
  await checkNames(layout.folder, names.flatMap(bothNames), hint);
}

/** Removes what a run that was killed or that failed has left under the names that are to be written: all at once, since the free space counts on it. The names are claimed. */
export async function removeLeftovers(layout: Layout): Promise<void> {
  for (const path of finalPaths(layout)) await removeFile(partialPath(path));
  await removeOverlays(layout);
}

/** Removes the overlays of a fix that was killed. */
export async function removeOverlays(layout: Layout): Promise<void> {
  for (const { path } of layout.disks) await removeFile(overlayPath(path));
}

/** `--force` replaces files, and so does a leftover `.partial`: neither may be what is read, nor another result. Throws a usage error. */
export async function requireOwnNames(
  source: ConvertSource,
  layout: Pick<Layout, 'disks' | 'domainPath'>,
): Promise<void> {
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
  throw new Hyper2kvmError('usage', `${layout.domainPath} would be both the image and the libvirt domain.`, {
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
    // Its folder may have to be made yet, and what stands in the way of that is told there.
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw localFileError('access', path, error);
  }
}
