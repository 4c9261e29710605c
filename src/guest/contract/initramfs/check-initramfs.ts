import { Hyper2kvmError } from '../../../base/errors.ts';
import type { BootCheck, BootCheckReader, BootSubject } from '../boot-check.ts';
import type { BootEntry } from '../boot-entries/boot-entry.ts';
import { volumesOfWords } from '../boot-entries/device-words.ts';
import { readLoaderConfigs } from '../boot-entries/loader-configs.ts';
import { readDeviceNames } from '../resolve-device.ts';
import { readRootStack } from '../root-stack.ts';
import type { ArchiveTree } from './archive-tree.ts';
import { checkDrivers, type InitramfsFinding } from './check-drivers.ts';
import { InitramfsError } from './cpio.ts';
import { UnreadCompressionError } from './decompress.ts';
import { kernelVersion } from './kernel-version.ts';
import { unpackInitramfs } from './unpack.ts';

/** An initramfs with all firmware has some 300 MiB. */
const MOST_IMAGE_BYTES = 1024 ** 3;

/** What the first boot entry loads counts; of others, such as those of older kernels, faults are only reported. */
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
  const checks = await checkEntry(selected, subject);
  const done = new Set([keyOf(selected)]);
  for (const entry of entries) {
    if (done.has(keyOf(entry))) continue;
    done.add(keyOf(entry));
    const found = await checkEntry(entry, subject);
    checks.push(
      ...found.filter(({ verdict }) => verdict !== 'ready').map((each) => ({ ...each, isAdvisory: true as const })),
    );
  }
  return checks;
};

/** Entries that load the same need one look. */
function keyOf({ kernel, initramfs }: BootEntry): string {
  return [kernel, ...initramfs].map((file) => file?.path ?? file?.written ?? '').join('\n');
}

async function checkEntry(entry: BootEntry, subject: BootSubject): Promise<BootCheck[]> {
  const image = entry.initramfs.at(-1)?.path ?? entry.kernel?.path ?? entry.file;
  try {
    const images = await readImages(entry, subject);
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
    return [check('unknown', image, `The initramfs cannot be checked: ${error.message}`)];
  }
}

/** The images of an entry; undefined if one of them is not there, which is a fault of the entry. */
async function readImages({ initramfs }: BootEntry, { files }: BootSubject): Promise<Buffer[] | undefined> {
  const images: Buffer[] = [];
  for (const { path } of initramfs) {
    const bytes = path === undefined ? undefined : await files.readBytes(path, MOST_IMAGE_BYTES);
    if (bytes === undefined) return undefined;
    images.push(bytes);
  }
  return images;
}

async function checkTree(
  tree: ArchiveTree | undefined,
  entry: BootEntry,
  subject: BootSubject,
): Promise<InitramfsFinding[]> {
  const rootNames = await readDeviceNames(subject);
  const names = { ...rootNames, crypttab: [...rootNames.crypttab, ...volumesOfWords(entry.commandLine)] };
  const stack = readRootStack(subject, names);
  const version = await kernelVersion(entry, subject, tree);
  const drivers: InitramfsFinding[] =
    version === undefined
      ? [{ verdict: 'unknown', reason: 'The version of the kernel is not known, so its drivers cannot be checked.' }]
      : await checkDrivers(tree, version, subject, stack, entry.commandLine);
  if (tree && !(await tree.isFile('/init'))) {
    return [...drivers, { verdict: 'not-ready', reason: 'The initramfs has no /init, which the kernel starts.' }];
  }
  return drivers;
}

function check(verdict: BootCheck['verdict'], file: string, reason: string, line?: number): BootCheck {
  return { area: 'initramfs', verdict, file, line, reason };
}
