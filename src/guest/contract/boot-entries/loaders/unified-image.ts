import { posix } from 'node:path';
import { systemOf } from '../../../inspect/system.ts';
import type { BootSubject } from '../../boot-check.ts';
import { wordsOf, type BootEntry, type KernelWord } from '../boot-entry.ts';
import { parsePe, peSection } from './pe-image.ts';

/** The limit for a kernel with an initramfs that contains all firmware. */
export const MOST_UNIFIED_BYTES = 1024 ** 3;
/** Add-ons contain a few words. */
const MOST_ADDON_BYTES = 16 * 1024 * 1024;

/** An entry, with systemd-boot's sort keys. */
export interface UnifiedEntry {
  entry: BootEntry;
  sortKey: string | undefined;
  version: string | undefined;
}

/**
 * The entry of a unified kernel image (UAPI specification "Unified Kernel Image"): a UEFI program whose sections
 * contain a kernel, an initramfs and its command line. Undefined if the file is not one.
 */
export async function readUnifiedImage(
  path: string,
  esp: string,
  files: BootSubject['files'],
): Promise<UnifiedEntry | undefined> {
  const bytes = await files.readBytes(path, MOST_UNIFIED_BYTES);
  const image = bytes && parsePe(bytes);
  if (!bytes || !image || !image.sections.some(({ name }) => name === '.linux')) return undefined;
  const place = { file: path, line: 1 };
  const isComplete = image.sections.every(({ offsetBytes, lengthBytes }) => offsetBytes + lengthBytes <= bytes.length);
  const text = (section: string): string | undefined =>
    peSection(bytes, image, section)?.toString('latin1').replace(/\0+$/, '');
  const part = (section: string): BootEntry['initramfs'][number] => ({
    written: `${posix.basename(path)} (${section})`,
    ...place,
    path,
    section,
    state: isComplete ? 'there' : 'missing',
    reason: isComplete ? undefined : 'the file is cut off',
  });
  const release = new Map(
    (text('.osrel') ?? '').split('\n').flatMap((line) => {
      const [, key, value] = /^([A-Z_]+)=["']?(.*?)["']?$/.exec(line.trim()) ?? [];
      return key === undefined || value === undefined ? [] : [[key, value] as const];
    }),
  );
  const entry: BootEntry = {
    loader: 'unified-image',
    title: systemOf(text('.osrel') ?? '').prettyName || posix.basename(path),
    ...place,
    kernel: part('.linux'),
    initramfs: ['.ucode', '.initrd']
      .filter((name) => image.sections.some((section) => section.name === name))
      .map(part),
    commandLine: [...wordsOf(text('.cmdline') ?? '', place), ...(await addedWords(path, esp, files))],
    isDefault: false,
    version: text('.uname')?.trim(),
  };
  const version = ['IMAGE_VERSION', 'VERSION', 'VERSION_ID', 'BUILD_ID'].flatMap((key) => release.get(key) ?? [])[0];
  return { entry, sortKey: release.get('IMAGE_ID') ?? release.get('ID'), version };
}

/** The words of add-ons, both the image's own and those for all images. */
async function addedWords(path: string, esp: string, files: BootSubject['files']): Promise<KernelWord[]> {
  const words: KernelWord[] = [];
  for (const folder of [`${path}.extra.d`, posix.join(esp, 'loader/addons')]) {
    for (const file of await files.find(folder, /\.addon\.efi$/i)) {
      const bytes = await files.readBytes(file, MOST_ADDON_BYTES);
      const image = bytes && parsePe(bytes);
      const text = bytes && image && peSection(bytes, image, '.cmdline')?.toString('latin1').replace(/\0+$/, '');
      words.push(...wordsOf(text ?? '', { file, line: 1 }));
    }
  }
  return words;
}
