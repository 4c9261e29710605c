import { basename } from 'node:path';
import { safeFileName } from '../../base/file-names.ts';
import { Hyper2kvmError } from '../../base/errors.ts';
import { openImage } from '../../image/open-image.ts';
import type { MappedImage } from '../../image/image.ts';
import type { OvfFacts } from '../../ovf/ovf-facts.ts';
import { openPackage } from '../../ovf/open-package.ts';
import { readHead } from '../../ovf/file-bytes.ts';
import { PROBE_BYTES, probePackage } from '../../ovf/probe-package.ts';
import type { PackageDisk } from '../../ovf/package-disk.ts';

/** One disk of a source: a file that can be read anywhere, or bytes in an archive that come from front to back. */
export type SourceDisk =
  | { kind: 'image'; open: () => Promise<MappedImage>; packaged: PackageDisk | undefined }
  | { kind: 'stream'; name: string; packaged: PackageDisk; capacityBytes: number };

export interface ConvertSource {
  container: string;
  /** What the names of the results begin with. */
  baseName: string;
  disks: SourceDisk[];
  /** Of the machine, when the source describes one. */
  machine: OvfFacts | undefined;
}

/** Looks at what `path` holds, and at nothing by its name. */
export async function openSource(path: string, signal: AbortSignal): Promise<ConvertSource> {
  if (probePackage(await readHead(path, PROBE_BYTES)) === undefined) {
    const disk: SourceDisk = { kind: 'image', open: () => openImage(path), packaged: undefined };
    return { container: 'image', baseName: stemOf(path), disks: [disk], machine: undefined };
  }
  const { container, facts, disks } = await openPackage(path, signal);
  return {
    container,
    baseName: facts.name ? safeFileName(facts.name) : stemOf(path),
    disks: disks.map((disk, index) => sourceDisk(disk, index, container)),
    machine: facts,
  };
}

/** A disk that is a file of its own is opened in place; one in an archive, compressed or in chunks, is read as a stream. */
function sourceDisk(packaged: PackageDisk, index: number, container: string): SourceDisk {
  const [part, ...more] = packaged.parts;
  if (!part) {
    throw new Hyper2kvmError('image', `Disk ${index + 1} of the package has no file.`, {
      hint: 'Choose the disks to convert one by one with --disk.',
    });
  }
  if (container === 'folder' && more.length === 0 && !packaged.gzip) {
    return { kind: 'image', open: () => openImage(part.path), packaged };
  }
  return { kind: 'stream', name: part.name, packaged, capacityBytes: packaged.disk.capacityBytes };
}

function stemOf(path: string): string {
  return safeFileName(basename(path).replace(/\.[^.]+$/, ''));
}
