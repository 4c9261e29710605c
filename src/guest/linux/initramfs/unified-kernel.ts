import { posix } from 'node:path';
import type { GuestDraft } from '../../change.ts';
import { readUnifiedImage } from '../../contract/boot-entries/loaders/unified-image.ts';
import type { Guest, GuestKernel } from '../../guest.ts';
import type { InitramfsTool } from './initramfs-tool.ts';

const ESPS = ['/boot/efi', '/efi', '/boot'];
/** Where systemd-boot and the UAPI specification "Boot Loader Specification" look for unified kernel images. */
const FOLDER = 'EFI/Linux';

/** A unified kernel image: a UEFI program that contains a kernel, its initramfs and its command line. */
export interface UnifiedKernel {
  path: string;
  commandLine: string;
}

/** The unified images of an installed kernel. An image that does not contain its version has it in its name. */
export async function unifiedKernels(
  { files, kernels }: Pick<Guest, 'files' | 'kernels'>,
  { version }: GuestKernel,
): Promise<UnifiedKernel[]> {
  const longer = kernels.filter((each) => each.version.length > version.length);
  const isNamed = (name: string) => name.includes(version) && !longer.some((each) => name.includes(each.version));
  const found = new Map<string, UnifiedKernel>();
  for (const esp of ESPS) {
    for (const path of await files.find(posix.join(esp, FOLDER), /\.efi$/i)) {
      const unified = await readUnifiedImage(path, esp, files);
      if (unified === undefined) continue;
      const { entry } = unified;
      const isOf = entry.version === undefined ? isNamed(posix.basename(path)) : entry.version === version;
      const own = entry.commandLine.filter(({ file }) => file === path).map(({ text }) => text);
      if (isOf) found.set(await files.realPath(path), { path, commandLine: own.join(' ') });
    }
  }
  return [...found.values()];
}

/** How the guest's dracut is configured to build unified images. */
interface UnifiedDracut {
  isUnified: boolean;
  hasCommandLine: boolean;
}

async function readDracutConfig({ files }: Pick<Guest, 'files'>, draft: GuestDraft): Promise<UnifiedDracut> {
  const texts: string[] = [];
  const own = await files.find('/etc/dracut.conf.d', /\.conf$/);
  const packaged = await files.find('/usr/lib/dracut/dracut.conf.d', /\.conf$/);
  for (const path of [...packaged, '/etc/dracut.conf', ...own]) texts.push((await draft.read(path)) ?? '');
  const lines = texts.join('\n').split('\n');
  return {
    isUnified: /=["']?yes/.test(lines.findLast((line) => /^\s*uefi=/.test(line)) ?? ''),
    hasCommandLine: lines.some((line) => /^\s*kernel_cmdline\+?=/.test(line)),
  };
}

/**
 * The tool for a plain initramfs: dracut is told so if its configuration says otherwise, because it would write a
 * unified image to the path of the initramfs.
 */
export async function plainTool(
  guest: Pick<Guest, 'files'>,
  draft: GuestDraft,
  tool: InitramfsTool,
): Promise<InitramfsTool> {
  if (tool.name !== 'dracut' || !(await readDracutConfig(guest, draft)).isUnified) return tool;
  return { ...tool, rebuild: ({ version }, image) => ['dracut', '--force', '--no-uefi', image, version] };
}

/** kernel-install(8): with this setting it makes unified images, from an initramfs or with dracut. */
const UNIFIED_LAYOUT = /^\s*layout\s*=\s*["']?uki\b/m;
const INSTALL_CONFIGS = ['/etc/kernel/install.conf', '/usr/lib/kernel/install.conf'];
const KERNEL_INSTALL = 'kernel-install';

async function hasUnifiedLayout({ files }: Pick<Guest, 'files'>): Promise<boolean> {
  const paths = [...INSTALL_CONFIGS, ...(await files.find('/etc/kernel/install.conf.d', /\.conf$/))];
  for (const path of paths) if (UNIFIED_LAYOUT.test((await files.read(path)) ?? '')) return true;
  return false;
}

/**
 * The tool that rebuilds a unified image of a kernel; undefined if the guest builds such images neither with dracut nor
 * with kernel-install. `commandLine` is used unless dracut's configuration has one.
 */
export async function unifiedTool(
  guest: Pick<Guest, 'files'>,
  draft: GuestDraft,
  tool: InitramfsTool | undefined,
  { commandLine, kernel }: { commandLine: string; kernel: GuestKernel },
): Promise<InitramfsTool | undefined> {
  if (tool === undefined) return undefined;
  const hasLayout = await hasUnifiedLayout(guest);
  if (tool.name !== 'dracut') return hasLayout ? installTool(guest, tool, kernel) : undefined;
  const { isUnified, hasCommandLine } = await readDracutConfig(guest, draft);
  if (!isUnified && !hasLayout) return undefined;
  const words = hasCommandLine || commandLine === '' ? [] : ['--kernel-cmdline', commandLine];
  return { ...tool, rebuild: ({ version }, image) => ['dracut', '--force', '--uefi', ...words, image, version] };
}

/** The tool for the plain initramfs, with kernel-install after it, which puts the initramfs into the unified image. */
async function installTool(
  { files }: Pick<Guest, 'files'>,
  tool: InitramfsTool,
  kernel: GuestKernel,
): Promise<InitramfsTool | undefined> {
  const { version, image, initramfs } = kernel;
  if (initramfs === undefined || !(await files.isFile(`/usr/bin/${KERNEL_INSTALL}`))) return undefined;
  const afterwards = [KERNEL_INSTALL, 'add', version, image, initramfs];
  return { ...tool, rebuild: () => tool.rebuild(kernel, initramfs), afterwards };
}
