import type { BootSubject, CheckVerdict } from '../boot-check.ts';
import { splitWord, type KernelWord } from '../boot-entries/boot-entry.ts';
import type { RootStack } from '../root-stack.ts';
import type { ArchiveTree } from './archive/archive-tree.ts';
import {
  missingModules,
  neededModules,
  readBootModules,
  type BootModules,
  type NeededModule,
} from './kernel-modules.ts';

/** A finding about an initramfs. `path` is a path in the initramfs; undefined for the image as a whole. */
export interface InitramfsFinding {
  verdict: CheckVerdict;
  path?: string | undefined;
  line?: number | undefined;
  /** A sentence. */
  reason: string;
  isAdvisory?: true;
}

/**
 * Whether the kernel can access the disks and the root file system with its built-in drivers and those in the
 * initramfs, if there is one.
 */
export async function checkDrivers(
  initramfs: ArchiveTree | undefined,
  version: string,
  { files, hardware }: Pick<BootSubject, 'files' | 'hardware'>,
  stack: RootStack,
  words: readonly KernelWord[],
): Promise<InitramfsFinding[]> {
  const modules = await readBootModules(initramfs, files, version);
  const needed = neededModules(hardware.disks, stack);
  const findings = needed.map((each) => checkModule(each, modules, version, initramfs !== undefined));
  const blocked = await blockedModules(initramfs, words);
  const isUsed = (name: string): boolean =>
    modules.builtin?.has(name) !== true && needed.some(([first, ...more]) => first === name && more.length === 0);
  const faults = findings.filter(({ verdict }) => verdict !== 'ready');
  const good = needed.flat().filter((name) => modules.loadable.has(name) || modules.builtin?.has(name) === true);
  const ready: InitramfsFinding = {
    verdict: 'ready',
    reason: `The drivers of kernel ${version} are there: ${good.join(', ')}.`,
  };
  return [
    ...(faults.length > 0 ? faults : [ready]),
    ...blocked.filter(({ name }) => isUsed(name)).map(({ finding }) => finding),
  ];
}

function checkModule(
  needed: NeededModule,
  modules: BootModules,
  version: string,
  hasInitramfs: boolean,
): InitramfsFinding {
  const missing = missingModules(needed, modules);
  if (missing.length === 0) return { verdict: 'ready', reason: `${needed[0]} is there.` };
  const what = missing[0] === needed[0] ? needed.join(' or ') : `${missing.join(', ')}, which ${needed[0]} needs,`;
  if (modules.builtin === undefined) {
    return {
      verdict: 'unknown',
      reason: `${what} is not in the initramfs, and which drivers kernel ${version} has in itself is not known.`,
    };
  }
  const others =
    modules.otherVersions.length === 0 ? '' : ` It has modules of kernel ${modules.otherVersions.join(', ')}.`;
  const where = hasInitramfs
    ? `neither in the initramfs nor in kernel ${version}`
    : `not in kernel ${version}, and there is no initramfs`;
  return { verdict: 'not-ready', reason: `${what} is ${where}.${others}` };
}

/** Modules that a word or a file prevents from being loaded. */
async function blockedModules(
  initramfs: ArchiveTree | undefined,
  words: readonly KernelWord[],
): Promise<{ name: string; finding: InitramfsFinding }[]> {
  const blocked: { name: string; finding: InitramfsFinding }[] = [];
  const add = (name: string, place: { path?: string; line?: number }, by: string): void => {
    const own = name.replaceAll('-', '_');
    blocked.push({
      name: own,
      finding: { verdict: 'not-ready', ...place, reason: `${by} keeps the driver ${own} from being loaded.` },
    });
  };
  for (const word of words) {
    const { name, value = '' } = splitWord(word);
    if (/^(modprobe\.blacklist|module_blacklist|rd\.driver\.blacklist|rdblacklist)$/.test(name)) {
      for (const each of value.split(',')) add(each, {}, word.text);
    }
  }
  for (const folder of ['/etc/modprobe.d', '/lib/modprobe.d', '/usr/lib/modprobe.d']) {
    for (const path of (await initramfs?.find(folder, /\.conf$/)) ?? []) {
      for (const [index, line] of ((await initramfs?.read(path)) ?? '').split('\n').entries()) {
        const [, listed] = /^\s*blacklist\s+(\S+)/.exec(line) ?? [];
        const [, replaced] = /^\s*install\s+(\S+)\s+\/(?:usr\/)?bin\/(?:true|false)\b/.exec(line) ?? [];
        const name = listed ?? replaced;
        if (name !== undefined) add(name, { path, line: index + 1 }, line.trim());
      }
    }
  }
  return blocked;
}
