import type { GuestFiles } from '../guest-files.ts';
import type { GuestKernel } from '../guest.ts';

/** Names become words of the guest's own tools; real ones have nothing else. */
const VERSION = /^[A-Za-z0-9][\w.+~-]*$/;

/** Beside `/boot/vmlinuz-VERSION`; a kernel is told from its modules, and from an image that can be loaded. */
const INITRAMFS_NAMES = (version: string): string[] => [
  `/boot/initrd.img-${version}`,
  `/boot/initramfs-${version}.img`,
  `/boot/initrd-${version}`,
  `/boot/initrd-${version}.img`,
];

/** The kernels of the mounted system that can boot: with modules and an image. Others, as one that was removed in part, are none. */
export async function listKernels(files: GuestFiles): Promise<GuestKernel[]> {
  const versions = (await files.list('/lib/modules')).filter((name) => VERSION.test(name));
  const boot = new Set(await files.list('/boot'));
  const kernels: GuestKernel[] = [];
  for (const version of versions) {
    const image = await kernelImage(files, boot, version);
    if (image === undefined || !(await files.isFile(`/lib/modules/${version}/modules.dep`))) continue;
    kernels.push({ version, image, initramfs: await initramfsOf(files, boot, version) });
  }
  return kernels;
}

async function kernelImage(files: GuestFiles, boot: ReadonlySet<string>, version: string): Promise<string | undefined> {
  const named = [`vmlinuz-${version}`, `Image-${version}`, `kernel-${version}`].find((name) => boot.has(name));
  if (named !== undefined) return `/boot/${named}`;
  const arch = await archName(files, version);
  return arch !== undefined && boot.has(`vmlinuz-${arch}`) ? `/boot/vmlinuz-${arch}` : undefined;
}

async function initramfsOf(files: GuestFiles, boot: ReadonlySet<string>, version: string): Promise<string | undefined> {
  const found = INITRAMFS_NAMES(version).find((path) => boot.has(path.slice('/boot/'.length)));
  if (found !== undefined) return found;
  const arch = await archName(files, version);
  return arch !== undefined && boot.has(`initramfs-${arch}.img`) ? `/boot/initramfs-${arch}.img` : undefined;
}

/** Arch calls its files after the package (`linux`, `linux-lts`), which stands in `pkgbase`. */
async function archName(files: GuestFiles, version: string): Promise<string | undefined> {
  const name = (await files.read(`/lib/modules/${version}/pkgbase`))?.trim();
  return name !== undefined && VERSION.test(name) ? name : undefined;
}
