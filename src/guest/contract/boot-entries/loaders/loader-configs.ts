import { posix } from 'node:path';
import type { BootSubject } from '../../boot-check.ts';
import type { BootLoader, LoaderConfig } from '../boot-entry.ts';
import { readFirmwareStart, type FirmwareStart } from '../firmware-start.ts';
import { readGrubConfig } from '../grub/grub-config.ts';
import { readGrubLegacy } from '../grub/grub-legacy.ts';
import { findIgnoringCase } from './loader-path.ts';
import { readSyslinux } from './syslinux.ts';
import { readSystemdBoot } from './systemd-boot.ts';
import { readUnifiedImage } from './unified-image.ts';

/** The configurations of the boot loaders in a guest, one per loader. */
export interface LoaderConfigs {
  /** The configuration of the loader that the firmware starts; undefined if no known loader has one. */
  first: LoaderConfig | undefined;
  /** The configurations of other loaders, which may be leftovers of an earlier installation. */
  others: readonly LoaderConfig[];
  start: FirmwareStart;
  /** True if several loaders have a configuration, and it is not known which of them is started. */
  isAmbiguous: boolean;
}

/** Distributions' ESP folders whose name differs from the `ID`. */
const ESP_NAMES: Readonly<Record<string, string>> = { rhel: 'redhat', ol: 'redhat' };

const GRUB_FILES = ['/boot/grub2/grub.cfg', '/boot/grub/grub.cfg'];
const LEGACY_FILES = ['/boot/grub/grub.conf', '/boot/grub/menu.lst'];
const SYSLINUX_FILES = ['/boot/extlinux', '/boot/syslinux', '/extlinux', '/syslinux', '/boot', ''].flatMap((folder) =>
  ['extlinux.conf', 'syslinux.cfg'].map((name) => `${folder}/${name}`),
);
const ESP_SYSLINUX_FILES = [
  'EFI/BOOT/syslinux.cfg',
  'EFI/syslinux/syslinux.cfg',
  'syslinux/syslinux.cfg',
  'syslinux.cfg',
];

/** Every check of a subject needs them, and reading them takes many appliance calls. */
const known = new WeakMap<BootSubject, Promise<LoaderConfigs>>();

/** Reads the configurations of the boot loaders, once per subject. */
export function readLoaderConfigs(subject: BootSubject): Promise<LoaderConfigs> {
  const found = known.get(subject) ?? readAll(subject);
  known.set(subject, found);
  return found;
}

async function readAll(subject: BootSubject): Promise<LoaderConfigs> {
  const start = await readFirmwareStart(subject);
  const configs = await readConfigs(start, subject);
  const byStart = start.loader === undefined ? undefined : configs.find(({ loader }) => isOf(loader, start.loader));
  const first = byStart ?? configs[0];
  const others = configs.filter((config) => config !== first);
  return { first, others, start, isAmbiguous: byStart === undefined && others.length > 0 };
}

/** Both GRUBs have the same boot code; the newer one precedes the other in the list. */
function isOf(loader: BootLoader, started: BootLoader | undefined): boolean {
  return loader === started || (loader === 'grub-legacy' && started === 'grub');
}

async function readConfigs({ esp, program, loader }: FirmwareStart, subject: BootSubject): Promise<LoaderConfig[]> {
  const { files } = subject;
  const configs: LoaderConfig[] = [];
  if (loader === 'unified-image' && esp !== undefined && program !== undefined) {
    const unified = await readUnifiedImage(program, esp, files);
    if (unified)
      configs.push({ loader, file: program, entries: [{ ...unified.entry, isDefault: true }], problems: [] });
  }
  const grub = await grubFile(esp, subject);
  if (grub !== undefined) configs.push(await readGrubConfig(grub, subject));
  if (esp !== undefined) {
    const config = await readSystemdBoot(esp, subject);
    if (config.entries.length > 0) configs.push(config);
  } else {
    const legacy = await firstFile(LEGACY_FILES, files);
    if (legacy !== undefined) configs.push(await readGrubLegacy(legacy, subject));
  }
  const inEsp = await Promise.all(
    (esp === undefined ? [] : ESP_SYSLINUX_FILES).map((path) => findIgnoringCase(esp ?? '/', path, files)),
  );
  const syslinux = await firstFile([...inEsp.filter((path) => path !== undefined), ...SYSLINUX_FILES], files);
  if (syslinux !== undefined) configs.push(await readSyslinux(syslinux, subject));
  return configs;
}

/**
 * The configuration that GRUB reads first. With UEFI it is in the ESP, where distributions place one that loads the
 * other.
 */
async function grubFile(esp: string | undefined, { files, system }: BootSubject): Promise<string | undefined> {
  const own = [ESP_NAMES[system.id] ?? system.id, 'BOOT'];
  const folders = esp === undefined ? [] : await files.list(posix.join(esp, 'EFI'));
  for (const folder of esp === undefined ? [] : [...own, ...folders]) {
    const found = await findIgnoringCase(esp ?? '/', `EFI/${folder}/grub.cfg`, files);
    if (found !== undefined && (await files.isFile(found))) return await files.realPath(found);
  }
  return await firstFile(GRUB_FILES, files);
}

async function firstFile(paths: readonly string[], files: BootSubject['files']): Promise<string | undefined> {
  for (const path of paths) if (await files.isFile(path)) return await files.realPath(path);
  return undefined;
}
