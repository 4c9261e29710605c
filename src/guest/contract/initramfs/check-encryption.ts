import type { BlockDevice } from '../../guest.ts';
import type { KernelWord } from '../boot-entries/boot-entry.ts';
import { volumesOfWords } from '../boot-entries/device-words.ts';
import { resolveDevice, type DeviceNames } from '../resolve-device.ts';
import type { RootStack } from '../root-stack.ts';
import type { ArchiveTree } from './archive/archive-tree.ts';
import type { InitramfsFinding } from './check-drivers.ts';
import type { InitramfsConfig, OpenedVolume } from './initramfs-config.ts';

/** The folder where Debian's hook puts the scripts of `keyscript=`. */
const SCRIPTS = '/lib/cryptsetup/scripts';

/**
 * Whether the initramfs opens each encrypted device below the root file system, and each line of its crypttab refers
 * to an existing device and key.
 */
export async function checkEncryption(
  tree: ArchiveTree,
  { crypttabs, volumes }: InitramfsConfig,
  words: readonly KernelWord[],
  stack: RootStack,
  names: DeviceNames,
): Promise<InitramfsFinding[]> {
  const findings: InitramfsFinding[] = [];
  for (const volume of volumes) findings.push(checkSource(volume, names), ...(await checkKey(volume, tree, names)));
  const opened = new Set(
    [...volumes, ...volumesOfWords(words)].flatMap(({ source }) => {
      const resolved = resolveDevice(source, names);
      return resolved.state === 'found' ? [resolved.device] : [];
    }),
  );
  const isAutomatic = words.some(({ text }) => /^rd\.auto(=1)?$/.test(text));
  // A line that names the device by a name that does not exist is reported separately.
  const isNamed = findings.some(({ verdict }) => verdict !== 'ready');
  for (const device of stack.encrypted.filter((each) => !opened.has(each))) {
    if (isNamed) continue;
    findings.push(notOpened(device, crypttabs, isAutomatic));
  }
  if (stack.kinds.has('luks') && stack.encrypted.length === 0) {
    findings.push({ verdict: 'unknown', reason: 'Which encrypted device holds the root file system is not known.' });
  }
  return findings;
}

function notOpened({ name }: BlockDevice, crypttabs: readonly string[], isAutomatic: boolean): InitramfsFinding {
  const path = crypttabs[0];
  const where = path === undefined ? 'The initramfs has no crypttab, and' : 'In the initramfs';
  const what =
    path === undefined
      ? 'no parameter of the kernel command line opens'
      : 'neither crypttab nor a parameter of the kernel command line opens';
  return {
    verdict: isAutomatic ? 'unknown' : 'not-ready',
    path,
    reason: `${where} ${what} ${name}, an encrypted device that the root file system is on.`,
  };
}

function checkSource({ name, source, path, line }: OpenedVolume, names: DeviceNames): InitramfsFinding {
  const found = resolveDevice(source, names);
  if (found.state === 'found') {
    return {
      verdict: 'ready',
      path,
      line,
      reason: `The encrypted volume ${name} is on ${source}, which leads to ${found.device.name}.`,
    };
  }
  const verdict = found.state === 'missing' ? 'not-ready' : 'unknown';
  return { verdict, path, line, reason: `The encrypted volume ${name} is on ${source}: ${found.reason}.` };
}

/** A passphrase that is typed needs no file. */
async function checkKey(volume: OpenedVolume, tree: ArchiveTree, names: DeviceNames): Promise<InitramfsFinding[]> {
  const { name, keyFile, options, path, line } = volume;
  const finding = (verdict: InitramfsFinding['verdict'], reason: string): InitramfsFinding[] => [
    { verdict, path, line, reason },
  ];
  const option = (key: string): string | undefined =>
    options.find((each) => each.startsWith(`${key}=`))?.slice(key.length + 1);
  if (option('tpm2-device') !== undefined) {
    return finding('not-ready', `The key of ${name} is sealed in the TPM of the source, which does not move.`);
  }
  if (option('fido2-device') !== undefined || option('pkcs11-uri') !== undefined) {
    return finding('unknown', `The key of ${name} is on a token, which the domain may not have.`);
  }
  const script = option('keyscript') ?? option('script');
  if (script !== undefined) {
    const program = script.startsWith('/') ? script : `${SCRIPTS}/${script}`;
    const isThere = await tree.isFile(program);
    return isThere
      ? []
      : finding('not-ready', `The key of ${name} comes from ${program}, which is not in the initramfs.`);
  }
  if (keyFile === undefined || /^\/dev\/u?random$/.test(keyFile)) return [];
  const [, file = keyFile, device] = /^(\/[^:]*):(.+)$/.exec(keyFile) ?? [];
  const onDevice = device ?? (keyFile.startsWith('/dev/') ? keyFile : undefined);
  if (onDevice === undefined) {
    if (await tree.isFile(file)) return finding('ready', `The key file ${file} of ${name} is in the initramfs.`);
    return finding('not-ready', `The key file ${file} of ${name} is not in the initramfs.`);
  }
  const found = resolveDevice(onDevice, names);
  if (found.state === 'found')
    return finding('ready', `The key of ${name} is on ${onDevice}, which leads to ${found.device.name}.`);
  return finding(
    found.state === 'missing' ? 'not-ready' : 'unknown',
    `The key of ${name} is on ${onDevice}: ${found.reason}.`,
  );
}
