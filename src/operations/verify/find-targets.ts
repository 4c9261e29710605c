import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import { localFileError } from '../../base/files/local-file-error.ts';
import { finalNameOf } from '../../base/output/partial-name.ts';
import { openImage } from '../../image/open-image.ts';
import { readHead } from '../../ovf/files/file-bytes.ts';
import { probePackage, PROBE_BYTES } from '../../ovf/read/probe-package.ts';
import { looksLikeVmx } from '../../ovf/vmx/vmx-text.ts';
import { declaredFormat } from './declared-format.ts';
import type { VerifiedItem } from './types.ts';
import { domainText } from './verify-domain.ts';
import { isManifest } from './verify-manifest.ts';
import { isExportRecord } from './verify-records.ts';

/** Something to verify. */
export interface VerifyTarget {
  path: string;
  kind: VerifiedItem['kind'];
}

/** A folder of a fleet has folders of VMs, which can have generations. */
const MOST_DEPTH = 4;
const IMAGES = new Set(['.qcow2', '.raw', '.img', '.vmdk', '.vhd', '.vhdx', '.vdi']);
/** What to verify first: manifests prove files, and what describes disks covers them. */
const ORDER: readonly VerifyTarget['kind'][] = ['record', 'manifest', 'ovf', 'ova', 'vmx', 'domain', 'disk', 'none'];

/**
 * What is at `path`, by content: a package, a manifest, a domain or a disk; for a folder, everything in it and its
 * subfolders. Links in a folder are not followed.
 * @throws Hyper2kvmError kind `local-file`; kind `not-found` for a folder without anything to verify.
 */
export async function findTargets(path: string, signal: AbortSignal): Promise<VerifyTarget[]> {
  const stats = await stat(path).catch((error: unknown) => {
    throw localFileError('read', path, error);
  });
  if (!stats.isDirectory()) return [{ path, kind: await kindOf(path) }];
  const targets = await targetsIn(path, MOST_DEPTH, signal);
  if (targets.length > 0) return targets;
  throw new Hyper2kvmError('not-found', `There is no export, package or disk image in ${path}.`, {
    hint: 'Give the folder of an export, or the file itself.',
  });
}

/** Names that belong to an export that did not end. */
export function isUnfinished(name: string): boolean {
  return finalNameOf(name) !== undefined || name.endsWith('.hyper2kvm-resume') || name === '.hyper2kvm-unfinished';
}

async function targetsIn(folder: string, depth: number, signal: AbortSignal): Promise<VerifyTarget[]> {
  signal.throwIfAborted();
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw localFileError('read', folder, error);
  });
  const found: VerifyTarget[] = [];
  const folders: string[] = [];
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !entry.name.startsWith('.')) folders.push(path);
    else if (isUnfinished(entry.name)) found.push({ path, kind: 'none' });
    else if (entry.isFile()) found.push(...(await targetOf(path)));
  }
  const own = await withoutParts(withoutPackageManifests(found));
  const below = depth > 0 ? await Promise.all(folders.map((each) => targetsIn(each, depth - 1, signal))) : [];
  return [...own.toSorted((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind)), ...below.flat()];
}

async function targetOf(path: string): Promise<VerifyTarget[]> {
  const name = basename(path);
  if (isExportRecord(name)) return [{ path, kind: 'record' }];
  const extension = extname(name).toLowerCase();
  if (name.startsWith('.')) return [];
  if (IMAGES.has(extension)) return [{ path, kind: 'disk' }];
  if (!['.ovf', '.ova', '.vmx', '.mf', '.xml'].includes(extension)) return [];
  const kind = await kindOf(path);
  return kind === 'disk' && extension !== '.ova' ? [] : [{ path, kind }];
}

async function kindOf(path: string): Promise<VerifyTarget['kind']> {
  const head = await readHead(path, PROBE_BYTES);
  if (looksLikeVmx(head)) return 'vmx';
  if (await isManifest(path)) return 'manifest';
  if ((await domainText(path)) !== undefined) return 'domain';
  const kind = probePackage(head);
  if (kind === 'ovf') return 'ovf';
  return kind === undefined ? 'disk' : 'ova';
}

/** The manifest of an OVF folder is checked with its descriptor. */
function withoutPackageManifests(targets: readonly VerifyTarget[]): VerifyTarget[] {
  const stems = new Set(targets.filter(({ kind }) => kind === 'ovf').map(({ path }) => path.slice(0, -4)));
  return targets.filter(({ path, kind }) => kind !== 'manifest' || !stems.has(path.slice(0, -3)));
}

/** Extents and parents of other images in the folder are checked with those. */
async function withoutParts(targets: readonly VerifyTarget[]): Promise<VerifyTarget[]> {
  const parts = new Set<string>();
  for (const { path, kind } of targets) {
    if (kind !== 'disk') continue;
    try {
      await using image = await openImage(path, { format: await declaredFormat(path) });
      for (const file of image.files.slice(1)) parts.add(await realpath(file.path));
      // The first file of a VMDK with extents is the first extent, not the descriptor.
      const [first] = image.files;
      if (first !== undefined && (await realpath(first.path)) !== (await realpath(path))) {
        parts.add(await realpath(first.path));
      }
    } catch (error) {
      // It is reported when it is verified.
      if (!(error instanceof Hyper2kvmError)) throw error;
    }
  }
  const isOwn = await Promise.all(
    targets.map(async ({ path, kind }) => kind !== 'disk' || !parts.has(await realpath(path))),
  );
  return targets.filter((_, index) => isOwn[index]);
}
