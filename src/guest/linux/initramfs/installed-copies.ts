import type { GuestDraft } from '../../change.ts';
import type { Guest } from '../../guest.ts';
import { installedKernels } from '../../inspect/kernels.ts';

/** Copies of an initramfs, by path, with the checksum that they had in common. */
export interface InstalledCopies {
  paths: readonly string[];
  sum: string;
}

/**
 * The copies of a kernel's initramfs that `kernel-install` made on the boot partition. The boot entries load these and
 * not the one in `/boot`. A copy with another content is not one of this image.
 */
export async function installedCopies(
  { session, files }: Pick<Guest, 'session' | 'files'>,
  version: string,
  image: string,
): Promise<InstalledCopies> {
  const found = (await installedKernels(files, version)).flatMap(({ initramfs }) => initramfs ?? []);
  const others = found.filter((path) => path !== image);
  if (others.length === 0 || !(await files.isFile(image))) return { paths: [], sum: '' };
  const sum = await checksum(session, image);
  const paths: string[] = [];
  for (const path of others) if ((await checksum(session, path)) === sum) paths.push(path);
  return { paths, sum };
}

/** Replaces the copies that no hook of the guest's tool has replaced. dracut runs no such hooks. */
export async function refreshCopies(
  { session, files }: Pick<Guest, 'session' | 'files'>,
  draft: Pick<GuestDraft, 'record'>,
  image: string,
  { paths, sum }: InstalledCopies,
): Promise<void> {
  if (paths.length === 0 || (await checksum(session, image)) === sum) return;
  for (const path of paths) {
    if (!(await files.isFile(path)) || (await checksum(session, path)) !== sum) continue;
    await files.copyContent(image, path);
    draft.record({ fix: 'initramfs', action: 'edit', path, details: [`copied from ${image}`] });
  }
}

async function checksum(session: Guest['session'], path: string): Promise<string> {
  return await session.text(['checksum', 'sha256', path]);
}
