import { basename } from 'node:path';
import { safeFileName } from '../../base/file-names.ts';
import { Hyper2kvmError } from '../../base/errors.ts';
import { openImage } from '../../image/open-image.ts';
import type { MappedImage } from '../../image/image.ts';
import type { OvfFacts } from '../../ovf/ovf-facts.ts';
import { openPackage, type VmPackage } from '../../ovf/open-package.ts';
import { readHead } from '../../ovf/file-bytes.ts';
import { PROBE_BYTES, probePackage } from '../../ovf/probe-package.ts';
import type { PackageDisk } from '../../ovf/package-disk.ts';

/** One disk of a source: a file that can be read anywhere, open, or bytes in an archive that come from front to back. */
export type SourceDisk =
  | { kind: 'image'; image: MappedImage; packaged: PackageDisk | undefined }
  | { kind: 'stream'; name: string; packaged: PackageDisk; capacityBytes: number };

export interface ConvertSource {
  /** As it was given. */
  path: string;
  container: 'image' | VmPackage['container'];
  /** What the names of the results begin with. */
  baseName: string;
  /** The disks of a package, in its order; one that is undefined for a bare image. */
  disks: (PackageDisk | undefined)[];
  /** Every file of a package that is known: its manifest and what that names, and the files of all disks. */
  files: string[];
  /** Of the machine, when the source describes one. */
  machine: OvfFacts | undefined;
}

/** Looks at what `path` holds, and at nothing by its name. Nothing stays open. */
export async function findSource(path: string, signal: AbortSignal): Promise<ConvertSource> {
  if (probePackage(await readHead(path, PROBE_BYTES)) === undefined) {
    return { path, container: 'image', baseName: stemOf(path), disks: [undefined], files: [], machine: undefined };
  }
  const { container, facts, disks, files } = await openPackage(path, signal);
  return {
    path,
    container,
    baseName: facts.name ? safeFileName(facts.name) : stemOf(path),
    disks,
    files,
    machine: facts,
  };
}

/**
 * Opens disk `number`, counted from 1. One that is a file of its own is opened in place, for the caller to close; one in an archive, compressed or in chunks, is read as a
 * stream.
 */
export async function openSourceDisk({ path, container, disks }: ConvertSource, number: number): Promise<SourceDisk> {
  const packaged = disks[number - 1];
  if (!packaged) return { kind: 'image', image: await openImage(path), packaged: undefined };
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
