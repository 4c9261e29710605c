import type { BootCheck, BootCheckReader, BootSubject } from '../boot-check.ts';
import { readDeviceNames, type DeviceNames } from '../resolve-device.ts';
import { readRootStack } from '../root-stack.ts';
import { checkApplianceWords } from './appliance-words.ts';
import type { BootEntry, EntryFile, LoaderConfig } from './boot-entry.ts';
import { checkDeviceWords, checkSwitches, volumesOfWords, type WordFinding } from './device-words.ts';
import { readLoaderConfigs } from './loaders/loader-configs.ts';
import { checkNetworkWords } from './network-words.ts';
import { parsePe } from './loaders/pe-image.ts';
import { MOST_UNIFIED_BYTES } from './loaders/unified-image.ts';

/**
 * Whether the files of the default boot entry exist, and its devices exist on the target. A defect in another entry,
 * such as that of an older kernel, is reported but does not affect the verdict, because a normal start does not use
 * it.
 */
export const checkBootEntries: BootCheckReader = async (subject) => {
  const { first, others, start, isAmbiguous } = await readLoaderConfigs(subject);
  const checks = start.findings.map(({ verdict, file, reason }) => check(verdict, file, reason));
  if (!first) {
    return [...checks, check('not-ready', '/boot', 'No known boot loader configuration was found.')];
  }
  const names = await readDeviceNames(subject);
  checks.push(...checkConfig(first, subject, names));
  if (isAmbiguous) {
    const files = [first, ...others].map(({ file }) => file).join(', ');
    checks.push(check('unknown', first.file, `Which boot loader starts is not known: there are ${files}.`));
  }
  if (subject.hardware.secureBoot) checks.push(...(await checkKernelSignature(first, subject)));
  const aside = others.flatMap((config) => checkConfig(config, subject, names).filter(isFault).map(asAdvisory));
  return [...checks, ...aside];
};

/** With secure boot, the shim or the firmware starts only a signed kernel. */
async function checkKernelSignature({ entries }: LoaderConfig, { files }: BootSubject): Promise<BootCheck[]> {
  const path = entries.find(({ isDefault }) => isDefault)?.kernel?.path;
  const bytes = path === undefined ? undefined : await files.readBytes(path, MOST_UNIFIED_BYTES);
  if (path === undefined || bytes === undefined) return [];
  if (parsePe(bytes)?.isSigned === true) return [check('ready', path, `The kernel ${path} is signed.`)];
  return [check('not-ready', path, `The kernel ${path} has no signature, which secure boot needs.`)];
}

function checkConfig(config: LoaderConfig, subject: BootSubject, names: DeviceNames): BootCheck[] {
  const problems = config.problems.map(({ verdict, file, line, reason }) => check(verdict, file, reason, line));
  const selected = config.entries.find(({ isDefault }) => isDefault);
  if (!selected) return [...problems, check('not-ready', config.file, `${config.file} has no boot entry.`)];
  const rest = config.entries.filter((entry) => entry !== selected && entry.kernel);
  return [
    ...problems,
    ...checkEntry(selected, subject, names),
    ...rest.flatMap((entry) => checkEntry(entry, subject, names).filter(isFault).map(asAdvisory)),
  ];
}

function checkEntry(entry: BootEntry, subject: BootSubject, names: DeviceNames): BootCheck[] {
  const { title, file, line, kernel, initramfs, commandLine } = entry;
  const about = (sentence: string): string => `Boot entry "${title}": ${sentence}`;
  if (!kernel) return [check('unknown', file, about('it starts no kernel of Linux.'), line)];
  const own = { ...names, crypttab: [...names.crypttab, ...volumesOfWords(commandLine)] };
  const findings: WordFinding[] = [
    ...checkDeviceWords(commandLine, own),
    ...checkSwitches(commandLine, readRootStack(subject, own).kinds),
    ...checkNetworkWords(commandLine, subject.hardware),
    ...checkApplianceWords(commandLine),
  ];
  return [
    checkFile('kernel', kernel, about),
    ...initramfs.map((image) => checkFile('initramfs', image, about)),
    ...findings.map((found) => check(found.verdict, found.file, about(found.reason), found.line)),
  ];
}

function checkFile(
  what: string,
  { written, file, line, state, reason }: EntryFile,
  about: (text: string) => string,
): BootCheck {
  if (state === 'there') return check('ready', file, about(`the ${what} ${written} is there.`), line);
  const verdict = state === 'missing' ? 'not-ready' : 'unknown';
  return check(verdict, file, about(`the ${what} ${written} cannot be loaded: ${reason ?? 'it is not there'}.`), line);
}

function check(verdict: BootCheck['verdict'], file: string, reason: string, line?: number): BootCheck {
  return { area: 'boot-entries', verdict, file, line, reason };
}

function isFault({ verdict }: BootCheck): boolean {
  return verdict !== 'ready';
}

function asAdvisory(found: BootCheck): BootCheck {
  return { ...found, isAdvisory: true };
}
