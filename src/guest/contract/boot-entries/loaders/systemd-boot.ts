import { posix } from 'node:path';
import { deviceOf } from '../../../guest.ts';
import type { BootSubject } from '../../boot-check.ts';
import { matchesGlob } from '../../../config/glob.ts';
import { blsOptions, blsValue, blsValues, newestFirst, parseBls, type BlsEntry } from './bls-entry.ts';
import { MOST_ENTRIES, type BootEntry, type LoaderConfig } from '../boot-entry.ts';
import { entryFile } from './loader-path.ts';
import { readUnifiedImage } from './unified-image.ts';

/** An entry, with the keys for sorting and selection. */
interface Sorted {
  entry: BootEntry;
  /** Its file name, in lower case. */
  id: string;
  sortKey: string | undefined;
  machineId: string;
  version: string;
  /** The boot counter has run out without a successful boot. */
  hasFailed: boolean;
}

/**
 * The menu of systemd-boot (systemd-boot(7), loader.conf(5), UAPI specification "Boot Loader Specification"): entries
 * and unified kernel images on the ESP, and on `/boot` if that is a separate partition. `esp` is the path of the ESP
 * in the guest.
 */
export async function readSystemdBoot(esp: string, subject: BootSubject): Promise<LoaderConfig> {
  const { files, mounts } = subject;
  const file = posix.join(esp, 'loader/loader.conf');
  const tops = [esp, ...mounts.filter(({ path }) => path === '/boot' && path !== esp).map(({ path }) => path)];
  const found: Sorted[] = [];
  for (const top of tops) {
    for (const path of await files.find(posix.join(top, 'loader/entries'), /\.conf$/i))
      found.push(await entryOf(path, top, subject));
    for (const path of await files.find(posix.join(top, 'EFI/Linux'), /\.efi$/i)) {
      const unified = await readUnifiedImage(path, esp, files);
      if (unified) found.push(sortedUnified(path, unified));
    }
  }
  const entries = found.slice(0, MOST_ENTRIES).toSorted(compareEntries);
  const chosen = selected(entries, defaultPattern((await files.read(file)) ?? ''));
  return {
    loader: 'systemd-boot',
    file: (await files.isFile(file)) ? file : esp,
    entries: entries.map((each) => ({ ...each.entry, isDefault: each === chosen })),
    problems: [],
  };
}

async function entryOf(path: string, top: string, subject: BootSubject): Promise<Sorted> {
  const bls = parseBls((await subject.files.read(path)) ?? '', path);
  const value = (key: string): string | undefined => blsValue(bls, key)?.value;
  const [, tries] = /\+(\d+)(?:-\d+)?\.conf$/i.exec(path) ?? [];
  return {
    entry: await bootEntry(bls, top, subject),
    id: `${bls.id}.conf`.toLowerCase(),
    sortKey: value('sort-key'),
    machineId: (value('machine-id') ?? '').toLowerCase(),
    version: value('version') ?? '',
    hasFailed: tries !== undefined && Number(tries) === 0,
  };
}

async function bootEntry(bls: BlsEntry, top: string, subject: BootSubject): Promise<BootEntry> {
  const device = deviceOf(subject.mounts.find(({ path }) => path === top)?.mountable ?? '');
  const file = async ({ value, ...place }: BlsEntry['lines'][number]): Promise<BootEntry['initramfs'][number]> =>
    await entryFile(
      value,
      { device, path: value.replaceAll('\\', '/') },
      { file: place.file, line: place.line },
      subject,
    );
  const kernel = blsValue(bls, 'linux');
  return {
    loader: 'systemd-boot',
    title: blsValue(bls, 'title')?.value ?? bls.id,
    file: bls.file,
    line: 1,
    kernel: kernel && (await file(kernel)),
    initramfs: await Promise.all(blsValues(bls, 'initrd').map(file)),
    commandLine: blsOptions(bls),
    isDefault: false,
    version: blsValue(bls, 'version')?.value,
  };
}

function sortedUnified(
  path: string,
  { entry, sortKey, version }: NonNullable<Awaited<ReturnType<typeof readUnifiedImage>>>,
): Sorted {
  const name = posix.basename(path).toLowerCase();
  const [, tries] = /\+(\d+)(?:-\d+)?\.efi$/.exec(name) ?? [];
  return {
    entry,
    id: name.replace(/\+\d+(-\d+)?(?=\.efi$)/, ''),
    sortKey,
    machineId: '',
    version: version ?? '',
    hasFailed: tries !== undefined && Number(tries) === 0,
  };
}

/** The order of `boot_entry_compare` in systemd's `boot.c`. */
function compareEntries(a: Sorted, b: Sorted): number {
  if (a.hasFailed !== b.hasFailed) return a.hasFailed ? 1 : -1;
  if ((a.sortKey === undefined) !== (b.sortKey === undefined)) return a.sortKey === undefined ? 1 : -1;
  if (a.sortKey !== undefined && b.sortKey !== undefined) {
    const order =
      compareText(a.sortKey, b.sortKey) || compareText(a.machineId, b.machineId) || newestFirst(a.version, b.version);
    if (order !== 0) return order;
  }
  return newestFirst(a.id, b.id);
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** The last `default` line. A default in UEFI variables does not move with the disks. */
function defaultPattern(text: string): string | undefined {
  const lines = text.split('\n').map((line) => /^\s*default\s+(\S+)/.exec(line)?.[1]);
  const pattern = lines.findLast((each) => each !== undefined);
  return pattern?.startsWith('@') === true ? undefined : pattern?.toLowerCase();
}

function selected(entries: readonly Sorted[], pattern: string | undefined): Sorted | undefined {
  const named = pattern === undefined ? undefined : entries.find(({ id }) => matchesGlob(pattern, id));
  return named ?? entries[0];
}
