import { Hyper2kvmError } from '../../../base/errors.ts';
import type { BootCheck, BootCheckReader, BootSubject } from '../boot-check.ts';
import { splitWord, type BootEntry, type KernelWord } from '../boot-entries/boot-entry.ts';
import { checkDeviceWords, volumesOfWords } from '../boot-entries/device-words.ts';
import { readLoaderConfigs } from '../boot-entries/loaders/loader-configs.ts';
import { parsePe, peSection } from '../boot-entries/loaders/pe-image.ts';
import { checkNetworkWords } from '../boot-entries/network-words.ts';
import { readDeviceNames, resolveDevice, type DeviceNames } from '../resolve-device.ts';
import { readRootStack } from '../root-stack.ts';
import type { ArchiveTree } from './archive/archive-tree.ts';
import { checkDrivers, type InitramfsFinding } from './check-drivers.ts';
import { checkEncryption } from './check-encryption.ts';
import { checkPrograms } from './check-programs.ts';
import { checkVolumes } from './check-volumes.ts';
import { checkWaits } from './check-waits.ts';
import { compareInitramfs } from './compare.ts';
import { InitramfsError } from './archive/cpio.ts';
import { UnreadCompressionError } from './archive/decompress.ts';
import { readInitramfsConfig, type InitramfsConfig } from './initramfs-config.ts';
import { kernelVersion } from './kernel-version.ts';
import { unpackInitramfs } from './archive/unpack.ts';

/** An initramfs with all firmware has about 300 MiB. */
const MOST_IMAGE_BYTES = 1024 ** 3;
/**
 * The total limit for all entries other than the default: unpacking those of old kernels and of a rescue system took
 * longer than all other checks.
 */
const OTHER_IMAGES_BYTES = 24 * 1024 ** 2;

/** The remaining number of image bytes that may be read. */
interface Budget {
  leftBytes: number;
  /** True for entries whose defects do not affect the verdict. */
  isForOthers: boolean;
}

/**
 * The initramfs of the first boot entry determines the verdict. Defects of others, such as those of older kernels,
 * are only reported.
 */
export const checkInitramfs: BootCheckReader = async (subject) => {
  const { first, others } = await readLoaderConfigs(subject);
  const entries = [first, ...others]
    .flatMap((config) => config?.entries ?? [])
    .filter(({ kernel }) => kernel?.state === 'there');
  const selected = first?.entries.find(({ isDefault }) => isDefault);
  if (!selected || !entries.includes(selected)) {
    return [
      check(
        'unknown',
        first?.file ?? '/boot',
        'Which initramfs is loaded is not known: the default boot entry has no kernel that can be read.',
      ),
    ];
  }
  const checks = await checkEntry(selected, subject, { leftBytes: MOST_IMAGE_BYTES, isForOthers: false });
  const rest = { leftBytes: OTHER_IMAGES_BYTES, isForOthers: true };
  const done = new Set([keyOf(selected)]);
  for (const entry of entries) {
    if (done.has(keyOf(entry))) continue;
    done.add(keyOf(entry));
    const found = await checkEntry(entry, subject, rest);
    checks.push(
      ...found.filter(({ verdict }) => verdict !== 'ready').map((each) => ({ ...each, isAdvisory: true as const })),
    );
  }
  return checks;
};

/** Entries that load the same files are checked once. */
function keyOf({ kernel, initramfs }: BootEntry): string {
  return [kernel, ...initramfs].map((file) => `${file?.path ?? file?.written ?? ''} ${file?.section ?? ''}`).join('\n');
}

async function checkEntry(entry: BootEntry, subject: BootSubject, budget: Budget): Promise<BootCheck[]> {
  const image = entry.initramfs.at(-1)?.path ?? entry.kernel?.path ?? entry.file;
  try {
    const images = await readImages(entry, subject, budget);
    if (images === undefined)
      return [check('unknown', image, `Boot entry "${entry.title}": its initramfs cannot be read.`)];
    const tree = images.length === 0 ? undefined : await unpackInitramfs(images);
    const findings = await checkTree(tree, entry, subject);
    return findings.map(({ path, reason, verdict, line, isAdvisory }) => ({
      ...check(verdict, path === undefined ? image : `${image}:${path}`, reason, line),
      ...(isAdvisory === true ? { isAdvisory } : {}),
    }));
  } catch (error) {
    if (error instanceof InitramfsError)
      return [check('not-ready', image, `The initramfs cannot be unpacked: ${error.message}.`)];
    if (error instanceof UnreadCompressionError)
      return [check('unknown', image, `The initramfs cannot be checked: ${error.message}.`)];
    if (!(error instanceof Hyper2kvmError) || error.kind !== 'guest') throw error;
    if (budget.isForOthers)
      return [
        check('unknown', image, 'It was not unpacked: it is large, and the default boot entry does not load it.'),
      ];
    return [check('unknown', image, `The initramfs cannot be checked: ${error.message}`)];
  }
}

/** The images of an entry; undefined if one of them is missing, which is a defect of the entry. */
async function readImages(
  { initramfs }: BootEntry,
  { files }: BootSubject,
  budget: Budget,
): Promise<Buffer[] | undefined> {
  const images: Buffer[] = [];
  for (const { path, section } of initramfs) {
    const bytes = path === undefined ? undefined : await files.readBytes(path, budget.leftBytes);
    budget.leftBytes -= bytes?.length ?? 0;
    const image = imageIn(bytes, section);
    if (image === undefined) return undefined;
    images.push(image);
  }
  return images;
}

/** The section of a unified kernel image, or the whole file. */
function imageIn(bytes: Buffer | undefined, section: string | undefined): Buffer | undefined {
  if (bytes === undefined || section === undefined) return bytes;
  const image = parsePe(bytes);
  return image && peSection(bytes, image, section);
}

/** Checks the content of an entry's initramfs, and the devices below the root in the terms of its configuration. */
async function checkTree(
  tree: ArchiveTree | undefined,
  entry: BootEntry,
  subject: BootSubject,
): Promise<InitramfsFinding[]> {
  const config = tree && (await readInitramfsConfig(tree));
  const words = [...(config?.words ?? []), ...entry.commandLine];
  const opened = volumesOfWords(words);
  const rootNames = await readDeviceNames(subject);
  // The appliance opens volumes under the names in the root's crypttab.
  const stack = readRootStack(subject, { ...rootNames, crypttab: [...rootNames.crypttab, ...opened] });
  const version = await kernelVersion(entry, subject, tree);
  const drivers: InitramfsFinding[] =
    version === undefined
      ? [{ verdict: 'unknown', reason: 'The version of the kernel is not known, so its drivers cannot be checked.' }]
      : await checkDrivers(tree, version, subject, stack, words);
  if (!tree || !config) return [...drivers, ...checkRoot(words, undefined, rootNames)];
  if (!(await tree.isFile('/init'))) {
    return [...drivers, { verdict: 'not-ready', reason: 'The initramfs has no /init, which the kernel starts.' }];
  }
  const ownNames = await readDeviceNames({ ...subject, files: tree });
  const names = { ...ownNames, crypttab: [...config.volumes, ...opened] };
  return [
    ...drivers,
    ...checkRoot(words, config, names),
    ...(await checkPrograms(tree, stack)),
    ...(await checkVolumes(tree, subject, stack, names)),
    ...(await checkEncryption(tree, config, words, stack, names)),
    ...(await checkWaits(tree, config, names)),
    ...checkAddedWords(config, names),
    ...(await compareWithEarlier(tree, entry, subject)),
  ];
}

/**
 * Checks names of the root that only the initramfs creates, and a root that nothing names. The boot entry check
 * covers the others.
 */
function checkRoot(
  words: readonly KernelWord[],
  config: InitramfsConfig | undefined,
  names: DeviceNames,
): InitramfsFinding[] {
  const root = words.findLast((word) => splitWord(word).name === 'root');
  if (!root) {
    if (config?.settings.some(({ name, value }) => name === 'ROOT' && value !== '')) return [];
    return [{ verdict: 'not-ready', reason: 'Neither the command line nor the initramfs names the root file system.' }];
  }
  const spec = splitWord(root).value ?? '';
  if (config === undefined) {
    if (!/^(UUID|LABEL)=|^\/dev\/(mapper|disk|md|[^/]+\/)/.test(spec)) return [];
    return [{ verdict: 'not-ready', reason: `Without an initramfs the kernel does not find ${root.text}.` }];
  }
  if (!/^\/dev\/(mapper|md)/.test(spec)) return [];
  const found = resolveDevice(spec, names);
  if (found.state === 'found') return [];
  const verdict = found.state === 'missing' ? 'not-ready' : 'unknown';
  return [{ verdict, reason: `${root.text} leads to no device in the initramfs: ${found.reason}.` }];
}

/** The command-line words that dracut stores in the initramfs. */
function checkAddedWords({ words }: InitramfsConfig, names: DeviceNames): InitramfsFinding[] {
  const findings = [...checkDeviceWords(words, names), ...checkNetworkWords(words, names.hardware)];
  return findings.map(({ verdict, file, line, reason }) => ({ verdict, path: file, line, reason }));
}

async function compareWithEarlier(
  tree: ArchiveTree,
  { initramfs }: BootEntry,
  subject: BootSubject,
): Promise<InitramfsFinding[]> {
  const { previousInitramfs, files } = subject;
  if (!previousInitramfs) return [];
  const images: Buffer[] = [];
  let hasEarlier = false;
  for (const { path = '', section } of initramfs) {
    const earlier = await previousInitramfs(path);
    hasEarlier ||= earlier !== undefined;
    const bytes = imageIn(earlier ?? (await files.readBytes(path, MOST_IMAGE_BYTES)), section);
    if (bytes) images.push(bytes);
  }
  return hasEarlier ? await compareInitramfs(await unpackInitramfs(images), tree) : [];
}

function check(verdict: BootCheck['verdict'], file: string, reason: string, line?: number): BootCheck {
  return { area: 'initramfs', verdict, file, line, reason };
}
