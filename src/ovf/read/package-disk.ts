import { Hyper2kvmError } from '../../base/errors.ts';
import { namesOfHref } from '../files/file-href.ts';
import { startsGzip } from '../files/gzip-stream.ts';
import type { ManifestEntry } from '../files/manifest.ts';
import type { OvfDisk } from '../hardware/disks.ts';
import type { OvfFile } from '../descriptor/references.ts';
import type { FilePlace, PackagePlace } from './package-place.ts';

/** One file, or one chunk of a file. */
export interface PackagePart {
  /** As the manifest names it: relative to the descriptor. */
  name: string;
  path: string;
  /** Of its first byte in the file at `path`; see `VmPackage.container`. */
  offsetBytes: number;
  sizeBytes: number;
  /** What the manifest says of its bytes as they lie there; undefined when it does not name it. */
  digest: ManifestEntry | undefined;
}

/** Where a file's bytes are. */
export interface PackagedFile {
  /** In order: one part, or a part for each chunk. None for a disk that has no file and is to be made empty. */
  parts: PackagePart[];
  /** Of all parts together. */
  sizeBytes: number;
  /** The parts together are gzip, by their content and not by what the descriptor says. */
  gzip: boolean;
  /** What the first part starts with, 1 KiB at most. */
  head: Uint8Array;
}

/** A disk of the machine, with its file. */
export interface PackageDisk extends PackagedFile {
  disk: OvfDisk;
}

/**
 * Finds a file of the References: as it is, or in chunks `name.000000000`, `name.000000001`, … (DSP0243, 7.1). Throws kind `image` when it, or a chunk, is
 * missing, or the chunks do not have the sizes that the descriptor gives. Of a file in one piece the descriptor's size is a claim, for the caller to compare.
 */
export async function locateFile(
  file: OvfFile | undefined,
  place: PackagePlace,
  digests: ReadonlyMap<string, ManifestEntry>,
): Promise<PackagedFile> {
  if (file === undefined) return { parts: [], sizeBytes: 0, gzip: false, head: new Uint8Array() };
  const found = await findParts(file, place);
  const sizeBytes = found.reduce((total, [, part]) => total + part.sizeBytes, 0);
  const head = found[0]?.[1].head ?? new Uint8Array();
  const gzip = startsGzip(head);
  // A chunk that is missing at the end shows by the size alone.
  const isChunked = !namesOfHref(file.href).includes(found[0]?.[0] ?? '');
  if (isChunked && file.sizeBytes !== sizeBytes && !gzip) {
    throw wrong(file, place, `has ${sizeBytes} bytes, but the descriptor gives ${file.sizeBytes}`);
  }
  const parts = found.map(([name, part]) => ({
    name,
    path: part.path,
    offsetBytes: part.offsetBytes,
    sizeBytes: part.sizeBytes,
    digest: digests.get(name),
  }));
  return { parts, sizeBytes, gzip, head };
}

type NamedPlace = [name: string, place: FilePlace];

async function findParts(file: OvfFile, place: PackagePlace): Promise<NamedPlace[]> {
  for (const name of namesOfHref(file.href)) {
    const whole = await place.find(name);
    if (whole !== undefined) return [[name, whole]];
    const chunks = await findChunks(file, name, place);
    if (chunks.length > 0) return chunks;
  }
  throw wrong(file, place, 'does not exist');
}

async function findChunks(file: OvfFile, name: string, place: PackagePlace): Promise<NamedPlace[]> {
  const chunks: NamedPlace[] = [];
  for (let found = await place.find(chunkName(name, 0)); found !== undefined;) {
    chunks.push([chunkName(name, chunks.length), found]);
    found = await place.find(chunkName(name, chunks.length));
  }
  // A chunk that is missing amid others shows by the size of all, which is why both are to be known.
  if (chunks.length > 0 && (file.sizeBytes === undefined || file.chunkBytes === undefined)) {
    throw wrong(file, place, 'comes in chunks, and the descriptor does not give its size and that of a chunk');
  }
  const odd = chunks.slice(0, -1).find(([, chunk]) => chunk.sizeBytes !== file.chunkBytes);
  if (odd !== undefined) {
    throw wrong(file, place, `has the chunk ${odd[0]} of ${odd[1].sizeBytes} bytes instead of ${file.chunkBytes}`);
  }
  return chunks;
}

function chunkName(name: string, number: number): string {
  return `${name}.${String(number).padStart(9, '0')}`;
}

function wrong({ href }: OvfFile, place: PackagePlace, what: string): Hyper2kvmError {
  return new Hyper2kvmError('image', `The file ${JSON.stringify(href)} of the package in ${place.label} ${what}.`, {
    hint: 'Download the package again, or export the VM again.',
  });
}
