import { posix } from 'node:path';
import type { BootCheck, BootSubject } from '../boot-check.ts';
import type { KernelWord } from '../boot-entries/boot-entry.ts';
import { readLoaderConfigs } from '../boot-entries/loaders/loader-configs.ts';
import { blockedByFiles, blockedByWords, blockedReason, type BlockedModule } from '../initramfs/blocked-modules.ts';
import { moduleNames } from '../initramfs/kernel-modules.ts';
import { kernelVersion } from '../initramfs/kernel-version.ts';

/** The module lists of a kernel have a few hundred KiB. */
const MOST_LIST_BYTES = 16 * 1024 * 1024;

/**
 * Whether the kernel of the default boot entry can load the drivers of the target's NICs, which are on the root file
 * system. If its version is not known, the check of the initramfs reports that.
 */
export async function checkNicDrivers(subject: BootSubject): Promise<BootCheck[]> {
  const { first } = await readLoaderConfigs(subject);
  const entry = first?.entries.find(({ isDefault }) => isDefault);
  const version = entry?.kernel?.state === 'there' ? await kernelVersion(entry, subject, undefined) : undefined;
  if (entry === undefined || version === undefined) return [];
  const folder = posix.join('/lib/modules', version);
  const read = async (name: string): Promise<string | undefined> =>
    (await subject.files.readBytes(posix.join(folder, name), MOST_LIST_BYTES))?.toString('latin1');
  const [ofKernel, dependencies] = [await read('modules.builtin'), await read('modules.dep')];
  if (ofKernel === undefined && dependencies === undefined) return [];
  const builtin = new Set(moduleNames((ofKernel ?? '').split('\n')));
  const lines = (dependencies ?? '').split('\n');
  const blocked = await blockedModules(subject, entry.commandLine);
  const checks: BootCheck[] = [];
  for (const driver of new Set((subject.hardware.nics ?? []).map((nic) => nic.driver))) {
    if (builtin.has(driver)) continue;
    checks.push(...blocked.filter(({ name }) => name === driver).map(blockedCheck));
    const missing = await missingFile(driver, lines, folder, subject);
    // Without a list of them, a driver may be in the kernel itself.
    const verdict = ofKernel === undefined ? 'unknown' : 'not-ready';
    if (missing !== undefined) checks.push(check(folder, `${missing}, which the NICs of the VM need.`, verdict));
  }
  return checks;
}

/** Modules that are not loaded for a device: programs load those by name that `/etc/modules` lists. */
async function blockedModules({ files }: BootSubject, words: readonly KernelWord[]): Promise<BlockedModule[]> {
  const lists = ['/etc/modules', ...(await files.find('/etc/modules-load.d', /\.conf$/))];
  const texts = await Promise.all(lists.map((path) => files.read(path)));
  const listed = new Set(
    texts.flatMap((text) => (text ?? '').split('\n').map((line) => line.trim().replaceAll('-', '_'))),
  );
  return [...blockedByWords(words), ...(await blockedByFiles(files))].filter(
    ({ name, isByAliasOnly }) => !(isByAliasOnly && listed.has(name)),
  );
}

/** The beginning of a sentence about the first file that a driver lacks: its own, or one that it depends on. */
async function missingFile(
  driver: string,
  lines: readonly string[],
  folder: string,
  { files }: BootSubject,
): Promise<string | undefined> {
  const line = lines.find((each) => moduleNames([each.split(':', 1)[0] ?? '']).includes(driver));
  if (line === undefined) return `The kernel has no driver ${driver}`;
  for (const path of line.split(/:?\s+/).filter((each) => each !== '')) {
    const file = posix.resolve(folder, path.replace(/:$/, ''));
    if (!(await files.isFile(file))) return `There is no ${file} of the driver ${driver}`;
  }
  return undefined;
}

function blockedCheck(blocked: BlockedModule): BootCheck {
  const { word, path = '/etc/modprobe.d', line } = blocked;
  return { ...check(word?.file ?? path, blockedReason(blocked)), line: word?.line ?? line };
}

function check(file: string, reason: string, verdict: BootCheck['verdict'] = 'not-ready'): BootCheck {
  return { area: 'network', verdict, file, reason };
}
