import { posix } from 'node:path';
import type { BootSubject } from '../boot-check.ts';
import type { LoaderConfig } from './boot-entry.ts';
import { readGrubConfig } from './grub-config.ts';
import { findEspMount, findIgnoringCase } from './loader-path.ts';

/** The configurations of the boot loaders in a guest, each of another loader. */
export interface LoaderConfigs {
  /** Of the loader that the firmware starts; undefined if there is none that is known. */
  first: LoaderConfig | undefined;
  /** Of others, which may be left over from an earlier installation. */
  others: readonly LoaderConfig[];
}

/** Names of a distribution's folder in the ESP that are not its `ID`. */
const ESP_NAMES: Readonly<Record<string, string>> = {
  rhel: 'redhat',
  ol: 'redhat',
  sles: 'sles',
  opensuse: 'opensuse',
};

const GRUB_FILES = ['/boot/grub2/grub.cfg', '/boot/grub/grub.cfg'];

/** Reads what the boot loaders will read. */
export async function readLoaderConfigs(subject: BootSubject): Promise<LoaderConfigs> {
  const file = await grubFile(subject);
  const configs = file === undefined ? [] : [await readGrubConfig(file, subject)];
  const [first, ...others] = configs;
  return { first, others };
}

/** The configuration that GRUB reads first. With UEFI it is in the ESP, where distributions put one that leads to the other. */
async function grubFile(subject: BootSubject): Promise<string | undefined> {
  const { files, hardware, system } = subject;
  const esp = hardware.firmware === 'bios' ? undefined : (await findEspMount(subject))?.path;
  const own = [ESP_NAMES[system.id] ?? system.id, 'BOOT'];
  const folders = esp === undefined ? [] : await files.list(posix.join(esp, 'EFI'));
  const inEsp = [...own, ...folders].map((folder) => `EFI/${folder}/grub.cfg`);
  for (const path of esp === undefined ? [] : inEsp) {
    const found = await findIgnoringCase(esp ?? '/', path, files);
    if (found !== undefined && (await files.isFile(found))) return await files.realPath(found);
  }
  for (const path of GRUB_FILES) if (await files.isFile(path)) return await files.realPath(path);
  return undefined;
}
