import { posix } from 'node:path';
import type { GuestDraft } from '../../change.ts';
import type { Guest } from '../../guest.ts';

/** UEFI variables, which name the loader to start, do not move with the disks. Firmware then starts this one. */
const FALLBACK = 'EFI/BOOT/BOOTX64.EFI';
/** Candidates for the first loader, best first: the shim verifies what it starts in its own folder. */
const LOADERS = [/^shimx64\.efi$/i, /^shim\.efi$/i, /^grubx64\.efi$/i, /^grub\.efi$/i, /^systemd-bootx64\.efi$/i];
/** The files that a shim looks for in its own folder. */
const BESIDE_SHIM = /^(grub|grubx64|mmx64|mokmanager)\.efi$/i;

/** Drafts the fallback loader if the ESP has none. */
export async function planFallbackLoader({ files, mounts, devices, system }: Guest, draft: GuestDraft): Promise<void> {
  const esp = mounts.find(({ path, mountable }) => {
    const type = devices.find(({ name }) => name === mountable)?.type;
    return type === 'vfat' && /^\/(boot\/efi|efi|boot)$/.test(path);
  })?.path;
  if (esp === undefined || !(await files.isFolder(posix.join(esp, 'EFI')))) return;
  const fallback = posix.join(esp, FALLBACK);
  if (await files.exists(fallback)) return;
  const found = await findLoader(files, posix.join(esp, 'EFI'), system.id);
  if (!found) {
    draft.obstruct(`The EFI system partition has neither ${FALLBACK} nor a boot loader to copy there.`);
    return;
  }
  const folder = posix.dirname(fallback);
  draft.copy('boot-loader', found.loader, fallback);
  for (const path of found.beside) draft.copy('boot-loader', path, posix.join(folder, posix.basename(path)));
}

async function findLoader(
  files: Guest['files'],
  efi: string,
  id: string,
): Promise<{ loader: string; beside: string[] } | undefined> {
  const all = await files.find(efi, /^(?!boot$)[\w.-]+$/i);
  // The distribution's own folder precedes others.
  const folders = all.toSorted((a, b) => Number(posix.basename(b) === id) - Number(posix.basename(a) === id));
  for (const folder of folders) {
    const names = await files.list(folder);
    const loader = LOADERS.flatMap((pattern) => names.filter((name) => pattern.test(name)))[0];
    if (loader === undefined) continue;
    const beside = /^shim/i.test(loader) ? names.filter((name) => BESIDE_SHIM.test(name)) : [];
    return { loader: posix.join(folder, loader), beside: beside.map((name) => posix.join(folder, name)) };
  }
  return undefined;
}
