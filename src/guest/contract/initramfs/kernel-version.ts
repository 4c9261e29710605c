import { posix } from 'node:path';
import type { BootSubject } from '../boot-check.ts';
import type { BootEntry } from '../boot-entries/boot-entry.ts';
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
  if (kernel?.section !== undefined && version !== undefined) return version;
  const listed = kernels.find(({ image }) => image === path);
  if (listed) return listed.version;
  const named = /^(?:vmlinuz|vmlinux|kernel|bzImage|Image|linux)-(\d.*)$/.exec(posix.basename(path))?.[1];
  if (named !== undefined) return named;
  const image = path === '' ? undefined : await files.readBytes(path, MOST_KERNEL_BYTES);
  const versions = tree ? await tree.list('/lib/modules') : [];
  return (image && versionInImage(image)) ?? version ?? (versions.length === 1 ? versions[0] : undefined);
}

/** The first word of the version string in a bzImage: `6.1.0-57-amd64 (debian-kernel@...) #1 SMP`. */
export function versionInImage(image: Buffer): string | undefined {
  if (image.toString('latin1', SIGNATURE_AT, SIGNATURE_AT + 4) !== 'HdrS') return undefined;
  const at = image.readUInt16LE(VERSION_AT) + 0x200;
  return /^\d[\w.+~-]*/.exec(image.toString('latin1', at, at + 256))?.[0];
}
