import type { GuestTree } from '../guest-tree.ts';
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

/** Where the boot partition of the UAPI specification "Boot Loader Specification" is mounted. */
const BOOT_PARTITIONS = ['/boot', '/efi', '/boot/efi'];
const INSTALLED_INITRAMFS = /^init(rd|ramfs)/;

/** The files of a kernel in a folder of `kernel-install`: `ESP/MACHINE-ID/VERSION`. */
export interface InstalledKernel {
  image: string;
  initramfs: string | undefined;
}

/** What `kernel-install` copied to the boot partition for a kernel. */
export async function installedKernels(
  files: Pick<GuestTree, 'list' | 'find' | 'isFile'>,
  version: string,
): Promise<InstalledKernel[]> {
  const found: InstalledKernel[] = [];
  for (const partition of BOOT_PARTITIONS) {
    for (const token of await files.list(partition)) {
      const folder = `${partition}/${token}/${version}`;
      if (!(await files.isFile(`${folder}/linux`))) continue;
      const [initramfs] = await files.find(folder, INSTALLED_INITRAMFS);
      found.push({ image: `${folder}/linux`, initramfs });
    }
  }
  return found;
}

/**
 * The bootable kernels of the mounted guest: those with modules and an image. Others, such as a partly removed
 * kernel, are skipped.
 */
export async function listKernels(files: GuestTree): Promise<GuestKernel[]> {
  const versions = (await files.list('/lib/modules')).filter((name) => VERSION.test(name));
  const boot = new Set(await files.list('/boot'));
  const kernels: GuestKernel[] = [];
  for (const version of versions) {
    if (!(await files.isFile(`/lib/modules/${version}/modules.dep`))) continue;
    const image = await kernelImage(files, boot, version);
    if (image !== undefined) kernels.push({ version, image, initramfs: await initramfsOf(files, boot, version) });
    else kernels.push(...(await installedKernels(files, version)).slice(0, 1).map((each) => ({ version, ...each })));
  }
  return kernels;
}

async function kernelImage(files: GuestTree, boot: ReadonlySet<string>, version: string): Promise<string | undefined> {
  const named = [`vmlinuz-${version}`, `Image-${version}`, `kernel-${version}`].find((name) => boot.has(name));
  if (named !== undefined) return `/boot/${named}`;
  const arch = await archName(files, version);
  return arch !== undefined && boot.has(`vmlinuz-${arch}`) ? `/boot/vmlinuz-${arch}` : undefined;
}

async function initramfsOf(files: GuestTree, boot: ReadonlySet<string>, version: string): Promise<string | undefined> {
  const found = INITRAMFS_NAMES(version).find((path) => boot.has(path.slice('/boot/'.length)));
  if (found !== undefined) return found;
  const arch = await archName(files, version);
  return arch !== undefined && boot.has(`initramfs-${arch}.img`) ? `/boot/initramfs-${arch}.img` : undefined;
}

/** Arch names its files after the package (`linux`, `linux-lts`), which `pkgbase` contains. */
async function archName(files: GuestTree, version: string): Promise<string | undefined> {
  const name = (await files.read(`/lib/modules/${version}/pkgbase`))?.trim();
  return name !== undefined && VERSION.test(name) ? name : undefined;
}
