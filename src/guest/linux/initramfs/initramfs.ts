import { posix } from 'node:path';
import { Hyper2kvmError } from '../../../base/errors.ts';
import { formatBytes } from '../../../base/text/amounts.ts';
import type { Fix, GuestDraft } from '../../change.ts';
import { rootDevice, type Guest, type GuestKernel } from '../../guest.ts';
import { namesVolumesByContent } from '../volumes/crypttab-copy.ts';
import { runInGuest } from '../guest-command.ts';
import { findInitramfsTool, listInitramfs, type InitramfsTool } from './initramfs-tool.ts';
import { plainTool, unifiedKernels, unifiedTool } from './unified-kernel.ts';
import { installedCopies, refreshCopies } from './installed-copies.ts';
import { moduleNames, readKernelModules, type KernelModules } from './kernel-modules.ts';

const NAME = 'initramfs';

/** A kernel finds no disk on KVM without these. */
const DISK_DRIVERS = ['virtio_pci', 'virtio_blk', 'virtio_scsi'];
/** The NIC driver is loaded from the root file system. It is added only if an initramfs is rebuilt anyway. */
const DRIVERS = [...DISK_DRIVERS, 'virtio_net'];

/** Files that the tools read when they build an initramfs: a change to one of them requires a rebuild. */
const CONFIGURATION = /^\/etc\/(initramfs-tools\/|dracut\.conf|mkinitcpio|cmdline\.d\/)/;
/** Files that the tools copy into an initramfs only if it needs them: the old image shows which ones. */
const COPIED = /^\/etc\/(crypttab$|lvm\/|mdadm|multipath)/;
/** Debian's hook writes the crypttab lines that the initramfs needs to this path. */
const CRYPTTAB = '/etc/crypttab';
const COPIES: Readonly<Record<string, string>> = { [CRYPTTAB]: 'cryptroot/crypttab' };
/** A dracut wait for a device by its old name: `devexists-\x2fdev\x2fdisk\x2fby-path\x2f...`. */
const OLD_WAIT = /devexists-\\x2fdev\\x2f(sd|hd|disk\\x2fby-(path|id))/;

/** In emulation, compressing an entire initramfs with xz takes minutes. */
const REBUILD_LIMIT_MS = 3_600_000;

/**
 * Adds the drivers of virtio disks, and the modules that the root file system needs, for every bootable kernel with
 * the guest's own tool.
 */
export const initramfs: Fix = {
  name: NAME,
  async plan(guest, draft) {
    if (guest.kernels.length === 0) {
      return draft.obstruct('No known kernel is installed, so no initramfs was checked.');
    }
    const tool = await findInitramfsTool(guest);
    const plain = tool && (await plainTool(guest, draft, tool));
    for (const kernel of guest.kernels) {
      const unified = await unifiedKernels(guest, kernel);
      let needsPlain = unified.length === 0 || kernel.initramfs !== undefined;
      for (const { path, commandLine } of unified) {
        const builder = await unifiedTool(guest, draft, tool, { commandLine, kernel });
        await planKernel(guest, draft, builder, { ...kernel, initramfs: path });
        // It rebuilds the plain initramfs too.
        if (builder?.afterwards !== undefined) needsPlain = false;
      }
      if (needsPlain) await planKernel(guest, draft, plain, kernel);
    }
  },
};

async function planKernel(
  guest: Guest,
  draft: GuestDraft,
  tool: InitramfsTool | undefined,
  kernel: GuestKernel,
): Promise<void> {
  const modules = await readKernelModules(guest.files, kernel.version);
  const absent = DRIVERS.filter((name) => !modules.builtin.has(name) && !modules.loadable.has(name));
  if (absent.length > 0) draft.warn(`Kernel ${kernel.version} has no driver ${absent.join(', ')}.`);
  if (isNewest(guest, kernel) && absent.length > 0) {
    draft.obstruct(`The newest kernel, ${kernel.version}, has no driver ${absent.join(', ')}.`);
  }
  const needed = neededModules(guest, modules);
  const edited = draft.editedPaths().filter((path) => CONFIGURATION.test(path) || COPIED.test(path));
  if (needed.length === 0 && edited.length === 0) return;
  const reasons = await reasonsToRebuild(guest, tool, kernel, { needed, edited });
  if (reasons.length === 0) return;
  if (!tool) {
    const what = isUnified(kernel.initramfs)
      ? `The unified kernel image ${kernel.initramfs}`
      : `The initramfs of kernel ${kernel.version}`;
    draft.obstruct(
      `${what} must be rebuilt (${reasons.join('; ')}), and the guest has no known tool that builds it: rebuild it in the guest before the conversion.`,
    );
    return;
  }
  // The tools find the root's modules automatically, unless the user configured a list of modules.
  const wanted = [...new Set([...DRIVERS.filter((name) => modules.loadable.has(name)), ...needed])];
  const config = await draft.read(tool.configPath);
  await draft.write(NAME, tool.configPath, tool.configure(config, wanted), [`drivers ${wanted.join(', ')}`]);
  const image = kernel.initramfs ?? tool.imageOf(kernel);
  // dracut overwrites a unified image, and the other tools write a new file first.
  if (kernel.initramfs !== undefined && !isUnified(kernel.initramfs)) await requireSpace(guest, kernel.initramfs);
  const details = [`${tool.name} for kernel ${kernel.version}: ${reasons.join('; ')}`];
  draft.run({ fix: NAME, path: image, details }, () => rebuild(guest, draft, tool, { kernel, image, needed }));
}

function isUnified(image: string | undefined): boolean {
  return /\.efi$/i.test(image ?? '');
}

/** The newest kernel, which boot loaders start. */
function isNewest({ kernels }: Guest, { version }: GuestKernel): boolean {
  const newest = kernels.map((each) => each.version).toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return newest.at(-1) === version;
}

/** The modules that a kernel's initramfs must contain because they are not built into the kernel. */
function neededModules(guest: Guest, { loadable }: KernelModules): string[] {
  const root = rootDevice(guest);
  const isVolume = root !== undefined && root.disk === undefined && !root.name.startsWith('/dev/md');
  // With LVM on top, the root is not the opened volume itself.
  const isEncrypted = isVolume && guest.opened.length > 0;
  const wanted = [
    ...DISK_DRIVERS,
    ...(root ? [root.type] : []),
    ...(isVolume ? ['dm_mod'] : []),
    ...(isEncrypted ? ['dm_crypt'] : []),
  ];
  return wanted.filter((name) => loadable.has(name));
}

async function reasonsToRebuild(
  guest: Guest,
  tool: InitramfsTool | undefined,
  { initramfs: image, version }: GuestKernel,
  { needed, edited }: { needed: readonly string[]; edited: readonly string[] },
): Promise<string[]> {
  if (image === undefined) return ['it has none'];
  if ((await guest.files.sizeBytes(image)) === 0) return ['it is empty'];
  const paths = await listInitramfs(guest, tool, image);
  if (!paths) return [`what is in it could not be listed`];
  const missing = missingModules(paths, version, needed);
  const copied = edited.filter((path) => CONFIGURATION.test(path) || hasCopyOf(path, paths));
  const isFine = copied.includes(CRYPTTAB) && (await namesVolumesByContent(guest, image));
  const stale = copied.filter((path) => path !== CRYPTTAB || !isFine);
  return [
    ...(stale.length > 0 ? [`${stale.join(', ')} changes`] : []),
    ...(missing.length > 0 ? [`${missing.join(', ')} missing`] : []),
    ...(paths.some((path) => OLD_WAIT.test(path)) ? ['it waits for a device by its old name'] : []),
  ];
}

/** True if the image with these paths contains a copy of a file on the root file system. */
export function hasCopyOf(path: string, paths: readonly string[]): boolean {
  const copies = new Set([path.slice(1), COPIES[path]]);
  return paths.some((each) => copies.has(each.replace(/^\.?\//, '')));
}

/** Modules for another kernel version do not count. */
export function missingModules(paths: readonly string[], version: string, needed: readonly string[]): string[] {
  const there = moduleNames(paths.filter((path) => path.includes(`lib/modules/${version}/`)));
  return needed.filter((name) => !there.has(name));
}

/** The tools write the new image before they remove the old one. */
async function requireSpace({ session, files }: Guest, image: string): Promise<void> {
  const sizeBytes = await files.sizeBytes(image);
  const folder = posix.dirname(image);
  const facts = await session.lines(['statvfs', folder]);
  const fact = (name: string): number =>
    Number(facts.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2));
  const freeBytes = fact('bavail') * fact('bsize');
  if (!(freeBytes < sizeBytes)) return;
  const sizes = `${formatBytes(freeBytes)} are free, and ${image} has ${formatBytes(sizeBytes)}`;
  throw new Hyper2kvmError('guest', `${folder} in the guest is too full for a new initramfs: ${sizes}.`, {
    hint: 'Remove old kernels in the guest, or convert without changing it (--fix off).',
  });
}

async function rebuild(
  guest: Guest,
  draft: GuestDraft,
  tool: InitramfsTool,
  { kernel, image, needed }: { kernel: GuestKernel; image: string; needed: readonly string[] },
): Promise<void> {
  const copies = await installedCopies(guest, kernel.version, image);
  let error: string | undefined;
  for (const command of [tool.rebuild(kernel, image), tool.afterwards]) {
    if (command === undefined || error !== undefined) continue;
    ({ error } = await runInGuest(guest, draft, command, { limitMs: REBUILD_LIMIT_MS }));
  }
  const paths = (await guest.files.isFile(image)) ? await listInitramfs(guest, tool, image) : undefined;
  const missing = paths ? missingModules(paths, kernel.version, needed) : needed;
  if (paths && missing.length === 0) return await refreshCopies(guest, draft, image, copies);
  const what = paths ? `${missing.join(', ')} is not in it` : 'it cannot be listed';
  throw new Hyper2kvmError('guest', `${tool.name} created no usable initramfs for kernel ${kernel.version}: ${what}.`, {
    hint: error ?? 'Check that the kernel and its modules are complete in the guest, or convert with --fix off.',
    cause: error === undefined ? undefined : new Error(error),
  });
}
