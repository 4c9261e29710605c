import { posix } from 'node:path';
import type { BootSubject } from '../boot-check.ts';
import type { BootEntry } from '../boot-entries/boot-entry.ts';
import { parsePe, peSection } from '../boot-entries/loaders/pe-image.ts';
import { MOST_UNIFIED_BYTES } from '../boot-entries/loaders/unified-image.ts';
import type { ArchiveTree } from './archive/archive-tree.ts';

/** A kernel has about 15 MiB. */
const MOST_KERNEL_BYTES = 256 * 1024 * 1024;
/**
 * The x86 boot protocol (Documentation/arch/x86/boot.rst): the offset of the signature, and of the field with the
 * version's offset, which counts from 0x200.
 */
const SIGNATURE_AT = 0x202;
const VERSION_AT = 0x20e;

/**
 * The version of the kernel that an entry starts, which is the name of its module folder. Read from the kernel
 * itself, or else derived from names.
 */
export async function kernelVersion(
  { kernel, version }: BootEntry,
  { files, kernels }: Pick<BootSubject, 'files' | 'kernels'>,
  tree: ArchiveTree | undefined,
): Promise<string | undefined> {
  const path = kernel?.path ?? '';
  const versions = tree ? await tree.list('/lib/modules') : [];
  const onlyVersion = versions.length === 1 ? versions[0] : undefined;
  if (kernel?.section !== undefined) {
    // The names of unified images follow no rule, and dracut stores no version in them.
    return version ?? (await versionInUnified(path, kernel.section, files)) ?? onlyVersion;
  }
  const listed = kernels.find(({ image }) => image === path);
  if (listed) return listed.version;
  const named = /^(?:vmlinuz|vmlinux|kernel|bzImage|Image|linux)-(\d.*)$/.exec(posix.basename(path))?.[1];
  if (named !== undefined) return named;
  const image = path === '' ? undefined : await files.readBytes(path, MOST_KERNEL_BYTES);
  return (image && versionInImage(image)) ?? version ?? onlyVersion;
}

async function versionInUnified(
  path: string,
  section: string,
  files: BootSubject['files'],
): Promise<string | undefined> {
  const bytes = await files.readBytes(path, MOST_UNIFIED_BYTES);
  const image = bytes && parsePe(bytes);
  const kernel = image && peSection(bytes, image, section);
  return kernel && versionInImage(kernel);
}

/** The first word of the version string in a bzImage: `6.1.0-57-amd64 (debian-kernel@...) #1 SMP`. */
export function versionInImage(image: Buffer): string | undefined {
  if (image.toString('latin1', SIGNATURE_AT, SIGNATURE_AT + 4) !== 'HdrS') return undefined;
  const at = image.readUInt16LE(VERSION_AT) + 0x200;
  return /^\d[\w.+~-]*/.exec(image.toString('latin1', at, at + 256))?.[0];
}
