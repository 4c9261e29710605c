import { basename } from 'node:path';
import { safeFileName } from '../../base/file-names.ts';
import { Hyper2kvmError } from '../../base/errors.ts';
import { openImage } from '../../image/open-image.ts';
import type { MappedImage } from '../../image/image.ts';
import { openVmx } from '../../ovf/open-vmx.ts';
import { looksLikeVmx } from '../../ovf/vmx-text.ts';
import { openPackage, type VmPackage } from '../../ovf/open-package.ts';
import { readHead } from '../../ovf/file-bytes.ts';
import { PROBE_BYTES, probePackage } from '../../ovf/probe-package.ts';
import { describedByOvf, type DescribedMachine } from './described-machine.ts';
import type { PackageDisk } from '../../ovf/package-disk.ts';

/** One disk of a source: a file that can be read anywhere, open, or bytes in an archive that come from front to back. */
export type SourceDisk =
  | { kind: 'image'; image: MappedImage; packaged: PackageDisk | undefined }
  | { kind: 'stream'; name: string; packaged: PackageDisk; capacityBytes: number };

export interface ConvertSource {
  /** As it was given. */
  path: string;
  container: 'image' | 'vmx' | VmPackage['container'];
  /** What the names of the results begin with. */
  baseName: string;
  /** The disks of a package, in its order; paths for those of a `.vmx`, and for a bare image. */
  disks: (PackageDisk | string)[];
  /** Every file of a package that is known: its manifest and what that names, and the files of all disks. */
  files: string[];
  /** Of the machine, when the source describes one. */
  machine: DescribedMachine | undefined;
}

/** Looks at what `path` holds, and at nothing by its name. Nothing stays open. */
export async function findSource(path: string, signal: AbortSignal): Promise<ConvertSource> {
  const head = await readHead(path, PROBE_BYTES);
  if (looksLikeVmx(head)) return findVmx(path);
  if (probePackage(head) === undefined) {
    return { path, container: 'image', baseName: stemOf(path), disks: [path], files: [], machine: undefined };
  }
  const { container, facts, disks, files } = await openPackage(path, signal);
  return {
    path,
    container,
    baseName: facts.name ? safeFileName(facts.name) : stemOf(path),
    disks,
    files,
    machine: describedByOvf(facts),
  };
}

async function findVmx(path: string): Promise<ConvertSource> {
  const { facts, diskPaths } = await openVmx(path);
  const baseName = facts.name ? safeFileName(facts.name) : stemOf(path);
  return { path, container: 'vmx', baseName, disks: diskPaths, files: diskPaths, machine: facts };
}

/**
 * Opens disk `number`, counted from 1. One that is a file of its own is opened in place, for the caller to close; one in an archive, compressed or in chunks, is read as a
 * stream.
 */
export async function openSourceDisk({ path, container, disks }: ConvertSource, number: number): Promise<SourceDisk> {
  const packaged = disks[number - 1];
  if (packaged === undefined) throw new RangeError(`${path} has no disk ${number}`);
  if (typeof packaged === 'string') return { kind: 'image', image: await openImage(packaged), packaged: undefined };
  const [part, ...more] = packaged.parts;
  if (!part) {
    throw new Hyper2kvmError('image', `Disk ${number} of ${path} has no file.`, {
      hint: 'Choose the disks to convert one by one with --disk.',
    });
  }
  if (container === 'folder' && more.length === 0 && !packaged.gzip) {
    return { kind: 'image', image: await openImage(part.path), packaged };
  }
  return { kind: 'stream', name: part.name, packaged, capacityBytes: packaged.disk.capacityBytes };
}

function stemOf(path: string): string {
  return safeFileName(basename(path).replace(/\.[^.]+$/, ''));
}
