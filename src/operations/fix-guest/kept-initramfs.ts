import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Change } from '../../guest/change.ts';
import type { BootSubject } from '../../guest/contract/boot-check.ts';
import type { Guest } from '../../guest/guest.ts';

/**
 * Copies each initramfs that `changes` rebuild into the session's scratch folder, before the first rebuild. The boot
 * check compares the new initramfs with the copy: an entry that has disappeared, such as one from crypttab, was lost
 * by the tool that built it.
 */
export async function keepInitramfs(
  { session, files }: Pick<Guest, 'session' | 'files'>,
  changes: readonly Change[],
): Promise<NonNullable<BootSubject['previousInitramfs']>> {
  const kept = new Map<string, string>();
  for (const { fix, action, path } of changes) {
    if (fix !== 'initramfs' || action !== 'run' || !(await files.isFile(path))) continue;
    const local = join(session.scratchFolder, `initramfs-${kept.size}`);
    await session.call(['download', path, local]);
    kept.set(await files.realPath(path), local);
  }
  return async (path) => {
    const local = kept.get(await files.realPath(path));
    return local === undefined ? undefined : await readFile(local);
  };
}
