import { Hyper2kvmError } from '../../base/errors.ts';
import { namesOfHref } from '../files/file-href.ts';
import { startsGzip } from '../files/gzip-stream.ts';
import type { ManifestEntry } from '../files/manifest.ts';
import type { OvfDisk } from '../hardware/disks.ts';
import type { OvfFile } from '../descriptor/references.ts';
import type { FilePlace, PackagePlace } from './package-place.ts';

/** One file, or one chunk of a file. */
export interface PackagePart {
  /** The name in the manifest, relative to the descriptor. */
  name: string;
  path: string;
  /** Offset of the first byte in the file at `path`; see `VmPackage.container`. */
  offsetBytes: number;
  sizeBytes: number;
  /** The manifest entry for the stored bytes; undefined if the manifest does not contain the file. */
  digest: ManifestEntry | undefined;
}

/** The location of a file's bytes. */
export interface PackagedFile {
  /**
   * The file in order: a single part, or one part per chunk. Empty for a disk without a file, which is created empty.
   */
  parts: PackagePart[];
  /** Total size of all parts. */
  sizeBytes: number;
  /** Whether the joined parts are gzip data, detected from the content and not from the descriptor. */
  gzip: boolean;
  /** The first bytes of the first part, at most 1 KiB. */
  head: Uint8Array;
}

/** A disk of the VM and its file. */
export interface PackageDisk extends PackagedFile {
  disk: OvfDisk;
}

/**
 * Locates a file of the References: a single file, or chunks `name.000000000`, `name.000000001`, … (DSP0243, 7.1). The
 * size of a single file is not checked; the caller compares it.
 * @throws Hyper2kvmError kind `image` if the file or a chunk is missing, or if the chunks do not have the sizes in the
 * descriptor.
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
  // A missing last chunk can be detected only by the total size.
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
  // A missing chunk in the middle can be detected only by the total size, so both sizes are required.
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
