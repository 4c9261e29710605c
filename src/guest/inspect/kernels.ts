import type { GuestFiles } from '../guest-files.ts';
import type { GuestKernel } from '../guest.ts';

/** Names become arguments of the guest's own tools. Real versions contain no other characters. */
const VERSION = /^[A-Za-z0-9][\w.+~-]*$/;

/** File names for `/boot/vmlinuz-VERSION`. A kernel is identified by its modules and a bootable image. */
const INITRAMFS_NAMES = (version: string): string[] => [
  `/boot/initrd.img-${version}`,
  `/boot/initramfs-${version}.img`,
  `/boot/initrd-${version}`,
  `/boot/initrd-${version}.img`,
];

/**
 * The bootable kernels of the mounted guest: those with modules and an image. Others, such as a partly removed
 * kernel, are skipped.
 */
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

/** Arch names its files after the package (`linux`, `linux-lts`), which `pkgbase` contains. */
async function archName(files: GuestFiles, version: string): Promise<string | undefined> {
  const name = (await files.read(`/lib/modules/${version}/pkgbase`))?.trim();
  return name !== undefined && VERSION.test(name) ? name : undefined;
}
