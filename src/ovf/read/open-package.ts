import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { shellWord } from '../../base/text/shell-word.ts';
import { Hyper2kvmError } from '../../base/errors.ts';
import { readBytes } from '../files/byte-source.ts';
import { unfitName } from '../files/file-href.ts';
import { readHead, withFile } from '../files/file-bytes.ts';
import { parseManifest, type ManifestEntry } from '../files/manifest.ts';
import { indexOva } from '../tar/ova-index.ts';
import { MOST_CHARACTERS } from '../descriptor/envelope.ts';
import type { OvfChoice } from '../descriptor/choice.ts';
import { readOvf, type OvfFacts } from '../hardware/ovf-facts.ts';
import type { OvfFile } from '../descriptor/references.ts';
import { locateFile, type PackageDisk, type PackagedFile, type PackagePart } from './package-disk.ts';
import { folderPlace, ovaPlace, type PackagePlace } from './package-place.ts';
import { probePackage, PROBE_BYTES } from './probe-package.ts';
import { decodeXml } from '../../base/xml/decode-xml.ts';

/** A package in the local file system: its configuration, and the location of its disks' bytes. Holds no open files. */
export interface VmPackage {
  /** The path as given by the caller. */
  path: string;
  /**
   * `gzip-ova` is an OVA that is compressed as a single gzip stream. Offsets of its disks are those in the decompressed
   * tar, and its bytes can only be read sequentially, see `PackageReader`.
   */
  container: 'folder' | 'ova' | 'gzip-ova';
  facts: OvfFacts;
  /** One entry for each disk of `facts`, in the same order. */
  disks: PackageDisk[];
  /**
   * All files that were inspected: the package itself, its manifest, the files in the manifest, and the disk files.
   * Links are resolved in all paths except the first.
   */
  files: string[];
  /** The files of the manifest except the descriptor, with their digests: disks, NVRAM, and others. */
  members: PackagePart[];
  /** Whether there was a manifest. Files that are not in it have no digest. */
  hasManifest: boolean;
  /** Warnings about harmless problems and omissions, as sentences. */
  warnings: string[];
}

/** The parser's limit, for UTF-16. */
const MOST_DESCRIPTOR_BYTES = 2 * MOST_CHARACTERS;

/**
 * Opens an OVF descriptor with the files in its folder, or an OVA, which can be compressed with gzip. The content
 * determines which. Verifies the descriptor against the manifest; the caller verifies the other files while it reads
 * them. Reads nothing outside the descriptor's folder, not even through links.
 * @throws Hyper2kvmError kind `image` for an incomplete package (a file or chunk that is missing or has the wrong size,
 * a file of the manifest that does not exist, a wrong digest), kind `local-file`, or the reason of an abort.
 */
export async function openPackage(path: string, signal?: AbortSignal, choice: OvfChoice = {}): Promise<VmPackage> {
  const kind = probePackage(await readHead(path, PROBE_BYTES));
  if (kind === undefined) throw wrong(`${path} is neither an OVF descriptor nor an OVA`);
  return kind === 'ovf' ? openFolder(path, choice, signal) : openArchive(path, choice, signal);
}

async function openFolder(path: string, choice: OvfChoice, signal: AbortSignal | undefined): Promise<VmPackage> {
  const descriptor = await readSmallFile(path);
  const folder = await folderPlace(path);
  const files = new Set<string>();
  const find: PackagePlace['find'] = async (wanted) => {
    const found = await folder.find(wanted);
    if (found !== undefined) files.add(found.path);
    return found;
  };
  const place = { ...folder, find };
  const name = basename(path);
  const found = await place.find(manifestNameOf(name));
  const manifest = found === undefined ? undefined : await readSmallFile(found.path);
  const opened = await assemble({ path, container: 'folder', name, descriptor, manifest, choice }, place, signal);
  return { ...opened, files: [path, ...files] };
}

async function openArchive(path: string, choice: OvfChoice, signal: AbortSignal | undefined): Promise<VmPackage> {
  const index = await indexOva(path, (name) => isDescriptor(name) || isManifest(name), signal);
  const descriptors = [...index.kept].filter(([name]) => isDescriptor(name));
  const [found, second] = descriptors;
  if (found === undefined) {
    throw new Hyper2kvmError('image', `The archive ${path} does not contain an OVF descriptor.`, {
      hint: `If it contains a disk image, unpack it with: tar -xf ${shellWord(path)}`,
    });
  }
  if (second !== undefined)
    throw wrong(`The archive ${path} contains several OVF descriptors: ${found[0]}, ${second[0]}`);
  const [fullName, descriptor] = found;
  const folder = fullName.slice(0, fullName.lastIndexOf('/') + 1);
  const name = fullName.slice(folder.length);
  const container = index.gzip ? 'gzip-ova' : 'ova';
  const manifest = index.kept.get(folder + manifestNameOf(name)) ?? onlyManifest(index.kept, folder);
  return assemble({ path, container, name, descriptor, manifest, choice }, ovaPlace(path, folder, index), signal);
}

interface PackageTexts {
  path: string;
  container: VmPackage['container'];
  /** Name of the descriptor, without a folder. */
  name: string;
  descriptor: Uint8Array;
  manifest: Uint8Array | undefined;
  choice: OvfChoice;
}

async function assemble(texts: PackageTexts, place: PackagePlace, signal?: AbortSignal): Promise<VmPackage> {
  const { path, container, name, descriptor, manifest, choice } = texts;
  const label = container === 'folder' ? path : `${name} in ${path}`;
  if (descriptor.length > MOST_DESCRIPTOR_BYTES) throw wrong(`${label} is too large for an OVF descriptor`);
  const { digests, parts } = await readDigests(manifest, path, place);
  checkDescriptor(descriptor, digests.get(name), label);
  const text = decodeXml(descriptor);
  if (text === undefined) throw wrong(`${label} is not valid text in the encoding that it declares`);
  const facts = readOvf(text, label, choice);
  const warnings = [...facts.warnings];
  const disks: PackageDisk[] = [];
  for (const disk of facts.disks) {
    signal?.throwIfAborted();
    const located = await locateFile(disk.file, place, digests);
    warnings.push(...wrongSize(disk.file, located));
    disks.push({ disk, ...located });
  }
  const members = parts.filter((part) => part.name !== name);
  return { path, container, facts, disks, files: [path], members, hasManifest: manifest !== undefined, warnings };
}

/**
 * Tools that modify the disks of a package, or write the descriptor before they know the sizes, leave a wrong size, 0
 * or -1. ovftool warns about that, and virt-v2v ignores it. For a compressed file, some writers record the uncompressed
 * size, although the specification requires the compressed one.
 */
function wrongSize(file: OvfFile | undefined, { sizeBytes, gzip }: PackagedFile): string[] {
  if (file?.sizeBytes === undefined || file.sizeBytes === sizeBytes || gzip) return [];
  const name = JSON.stringify(file.href);
  return [
    `The file ${name} has ${sizeBytes} bytes, but the descriptor gives ${file.sizeBytes}. The size of the file is used.`,
  ];
}

/** Returns the digests by file name, and the location of each file in the manifest, which must exist. */
async function readDigests(
  manifest: Uint8Array | undefined,
  path: string,
  place: PackagePlace,
): Promise<{ digests: Map<string, ManifestEntry>; parts: PackagePart[] }> {
  const parts: PackagePart[] = [];
  if (manifest === undefined) return { digests: new Map(), parts };
  const entries = parseManifest(new TextDecoder().decode(manifest), `of ${path}`);
  for (const digest of entries) {
    const { name } = digest;
    const fault = unfitName(name);
    const shown = JSON.stringify(name.slice(0, 200));
    if (fault !== undefined) throw wrong(`The manifest of ${path} names the file ${shown}, which ${fault}`);
    const found = await place.find(name);
    if (found === undefined) {
      throw wrong(`The manifest of ${path} names the file ${shown}, which is not in ${place.label}`);
    }
    const { path: filePath, offsetBytes, sizeBytes } = found;
    parts.push({ name, path: filePath, offsetBytes, sizeBytes, digest });
  }
  return { digests: new Map(entries.map((entry) => [entry.name, entry])), parts };
}

function checkDescriptor(bytes: Uint8Array, expected: ManifestEntry | undefined, label: string): void {
  if (expected === undefined) return;
  const digest = createHash(expected.algorithm).update(bytes).digest('hex');
  if (digest !== expected.digest) {
    throw wrong(`The descriptor ${label} was changed: its ${expected.algorithm} does not match the manifest`);
  }
}

async function readSmallFile(path: string): Promise<Uint8Array> {
  const bytes = await withFile(path, (source) => readBytes(source, MOST_DESCRIPTOR_BYTES + 1));
  if (bytes.length > MOST_DESCRIPTOR_BYTES) throw wrong(`${path} is too large for a descriptor or a manifest`);
  return bytes;
}

function manifestNameOf(descriptorName: string): string {
  return descriptorName.replace(/\.ovf$/i, '') + '.mf';
}

/** Returns a manifest with a different base name if it is the only one in the descriptor's folder. */
function onlyManifest(kept: ReadonlyMap<string, Uint8Array>, folder: string): Uint8Array | undefined {
  const names = [...kept.keys()].filter((name) => isManifest(name) && name.lastIndexOf('/') + 1 === folder.length);
  const beside = names.filter((name) => name.startsWith(folder));
  return beside.length === 1 ? kept.get(beside[0] ?? '') : undefined;
}

/** Archives created on macOS contain a file `._name` with the attributes of each file. */
function isDescriptor(name: string): boolean {
  return /(^|\/)(?!\._)[^/]*\.ovf$/i.test(name);
}

function isManifest(name: string): boolean {
  return /(^|\/)(?!\._)[^/]*\.mf$/i.test(name);
}

function wrong(what: string): Hyper2kvmError {
  return new Hyper2kvmError('image', `${what}.`, {
    hint: 'Download the package again, or export the VM again.',
  });
}
