import { basename } from 'node:path';
import { constants, gunzipSync } from 'node:zlib';
import { diskUuidOf } from '../../base/disk/disk-uuid.ts';
import { safeFileName } from '../../base/files/file-names.ts';
import { shellWord } from '../../base/text/shell-word.ts';
import { Hyper2kvmError } from '../../base/errors.ts';
import { emptyImage } from '../../image/model/empty-image.ts';
import { probeFormat } from '../../image/probe/probe.ts';
import { openImage } from '../../image/open-image.ts';
import { sparseCapacityBytes } from '../../image/vmdk/layout/sparse-header.ts';
import type { MappedImage } from '../../image/model/image.ts';
import { openVmx } from '../../ovf/vmx/open-vmx.ts';
import { looksLikeVmx } from '../../ovf/vmx/vmx-text.ts';
import { openPackage, type VmPackage } from '../../ovf/read/open-package.ts';
import { readHead } from '../../ovf/files/file-bytes.ts';
import { PROBE_BYTES, probePackage } from '../../ovf/read/probe-package.ts';
import { describedByOvf, describedByVmx, type DescribedMachine } from './described-machine.ts';
import type { OvfChoice } from '../../ovf/descriptor/choice.ts';
import type { PackageDisk, PackagePart } from '../../ovf/read/package-disk.ts';
import type { ConvertOptions, DiskOrigin } from './types.ts';

/** Formats that cannot be read from inside an archive. */
const IN_ARCHIVE = { qcow2: 'qcow2 image', vpc: 'VHD', vhdx: 'VHDX', vdi: 'VDI' } as const;

/** One disk of a source: an open file with random access, or a member of an archive that is read sequentially. */
export type SourceDisk =
  | { kind: 'image'; image: MappedImage; packaged: PackageDisk | undefined }
  | { kind: 'stream'; name: string; packaged: PackageDisk; capacityBytes: number; uuid: string | undefined };

export interface ConvertSource {
  /** The path as given. */
  path: string;
  container: 'image' | 'vmx' | VmPackage['container'];
  /** The prefix of the output file names. */
  baseName: string;
  /** The disks of a package, in package order; paths for the disks of a `.vmx` and for a standalone image. */
  disks: (PackageDisk | string)[];
  /** One per disk. */
  origins: DiskOrigin[];
  /** Every known file of a package: its manifest, the files that the manifest names, and the files of all disks. */
  files: string[];
  /** The files in the manifest of a package, except its descriptor. */
  members: PackagePart[];
  /** The VM, if the source describes one. */
  machine: DescribedMachine | undefined;
  /** Sentences about harmless defects in the source and about parts that are left out. */
  warnings: string[];
}

/**
 * Detects the type of the source by its content, never by its name, unless the options declare a raw disk. `vm` and
 * `configuration` apply to packages. No file stays open.
 */
export async function findSource(
  path: string,
  { inputFormat, ...choice }: OvfChoice & Pick<ConvertOptions, 'inputFormat'>,
  signal: AbortSignal,
): Promise<ConvertSource> {
  if (inputFormat !== undefined) {
    refuseChoice(path, choice);
    return standaloneImage(path);
  }
  const head = await readHead(path, PROBE_BYTES);
  const kind = probePackage(head);
  if (kind === undefined || looksLikeVmx(head)) refuseChoice(path, choice);
  if (looksLikeVmx(head)) return findVmx(path);
  if (kind === undefined) return standaloneImage(path);
  const { container, facts, disks, files, members, warnings } = await openPackage(path, signal, choice);
  const name = facts.name || stemOf(path);
  return {
    path,
    container,
    baseName: safeFileName(name),
    disks,
    origins: disks.map(({ disk }) => ({ label: disk.label, file: disk.file?.href ?? null })),
    files,
    members,
    machine: { ...describedByOvf(facts), name, identity: facts.uuid },
    warnings,
  };
}

function standaloneImage(path: string): ConvertSource {
  const origins = [{ label: null, file: basename(path) }];
  const nothing = { files: [], members: [], machine: undefined, warnings: [] };
  return { path, container: 'image', baseName: stemOf(path), disks: [path], origins, ...nothing };
}

async function findVmx(path: string): Promise<ConvertSource> {
  const { facts, diskPaths } = await openVmx(path);
  const name = facts.name.trim() || stemOf(path);
  return {
    path,
    container: 'vmx',
    baseName: safeFileName(name),
    disks: diskPaths,
    origins: facts.disks.map(({ place, fileName }) => ({ label: place, file: fileName })),
    files: diskPaths,
    members: [],
    machine: { ...describedByVmx(facts), name, identity: facts.instanceUuid ?? facts.uuid },
    warnings: [],
  };
}

function refuseChoice(path: string, { vm, configuration }: OvfChoice): void {
  const flag = vm === undefined ? (configuration === undefined ? undefined : '--configuration') : '--vm';
  if (flag === undefined) return;
  throw new Hyper2kvmError('usage', `${flag} applies only to an OVF package, and ${path} is not one.`, {
    hint: `Omit ${flag}.`,
  });
}

/**
 * Opens disk `number`, counted from 1. A disk in a file of its own is opened in place and the caller closes it. A
 * disk in an archive, compressed or in chunks, is read as a stream.
 */
export async function openSourceDisk(
  { path, container, disks }: ConvertSource,
  number: number,
  { inputFormat }: Pick<ConvertOptions, 'inputFormat'>,
): Promise<SourceDisk> {
  const packaged = disks[number - 1];
  if (packaged === undefined) throw new RangeError(`${path} has no disk ${number}`);
  if (typeof packaged === 'string') {
    return { kind: 'image', image: await openImage(packaged, { format: inputFormat }), packaged: undefined };
  }
  const [part, ...more] = packaged.parts;
  if (!part) return { kind: 'image', image: emptyImage(packaged.disk.capacityBytes ?? 0), packaged };
  if (container === 'folder' && more.length === 0 && !packaged.gzip) {
    return { kind: 'image', image: await openImage(part.path), packaged };
  }
  const head = contentHead(packaged);
  requireSparseVmdk(head, part.name, path);
  const capacityBytes = (head && sparseCapacityBytes(head)) ?? packaged.disk.capacityBytes;
  if (capacityBytes !== undefined) {
    return { kind: 'stream', name: part.name, packaged, capacityBytes, uuid: head && uuidIn(head) };
  }
  throw new Hyper2kvmError('image', `${part.name} in ${path} is not a VMDK, and the descriptor gives no capacity.`, {
    hint: 'Unpack the package, and convert that file separately.',
  });
}

/**
 * Rejects a disk in an archive whose first bytes show that it cannot be read as a stream. Every format except
 * streamOptimized VMDK needs random access.
 */
function requireSparseVmdk(head: Uint8Array | undefined, name: string, path: string): void {
  if (head === undefined || head.length === 0) return;
  const format = probeFormat(Buffer.from(head), Buffer.alloc(0));
  if (format === 'vmdk') return;
  const what = format === 'raw' ? 'is not a VMDK' : `is a ${IN_ARCHIVE[format]}`;
  throw new Hyper2kvmError(
    'image',
    `${name} in ${path} ${what}: in an archive or in chunks, only streamOptimized VMDKs can be read.`,
    {
      hint: `Unpack the archive (tar -xf ${shellWord(path)}), and convert its .ovf file.`,
    },
  );
}

/** Reads the UUID from a VMDK's embedded descriptor, which follows the header, as far as the first bytes reach. */
function uuidIn(head: Uint8Array): string | undefined {
  const [, value] = /^ddb\.uuid\s*=\s*"([^"]*)"/m.exec(Buffer.from(head).toString('latin1')) ?? [];
  return diskUuidOf(value);
}

/** The first bytes of a packaged file, inflated if they are compressed; undefined for damaged gzip. */
function contentHead({ head, gzip }: PackageDisk): Uint8Array | undefined {
  try {
    // The head is truncated at an arbitrary place. Inflate as much of it as possible.
    return gzip ? gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 2 ** 21 }) : head;
  } catch {
    // Damaged gzip is reported with its position when the file is read.
    return undefined;
  }
}

function stemOf(path: string): string {
  return safeFileName(basename(path).replace(/\.[^.]+$/, ''));
}
