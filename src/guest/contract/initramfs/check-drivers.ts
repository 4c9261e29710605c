import type { BootSubject, CheckVerdict } from '../boot-check.ts';
import type { KernelWord } from '../boot-entries/boot-entry.ts';
import type { RootStack } from '../root-stack.ts';
import type { ArchiveTree } from './archive/archive-tree.ts';
import { blockedByFiles, blockedByWords, blockedReason, type BlockedModule } from './blocked-modules.ts';
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
  const blocked = [...blockedByWords(words), ...(initramfs ? await blockedByFiles(initramfs) : [])];
  const isUsed = (name: string): boolean =>
    modules.builtin?.has(name) !== true && needed.some(([first, ...more]) => first === name && more.length === 0);
  const faults = findings.filter(({ verdict }) => verdict !== 'ready');
  const good = needed.flat().filter((name) => modules.loadable.has(name) || modules.builtin?.has(name) === true);
  const ready: InitramfsFinding = {
    verdict: 'ready',
    reason: `The drivers of kernel ${version} are there: ${good.join(', ')}.`,
  };
  return [...(faults.length > 0 ? faults : [ready]), ...blocked.filter(({ name }) => isUsed(name)).map(blockedFinding)];
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

function blockedFinding(blocked: BlockedModule): InitramfsFinding {
  const { path, line } = blocked;
  const place = path === undefined ? {} : { path, line };
  return { verdict: 'not-ready', ...place, reason: blockedReason(blocked) };
}
