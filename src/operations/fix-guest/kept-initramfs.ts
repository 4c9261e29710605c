import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Change } from '../../guest/change.ts';
import type { BootSubject } from '../../guest/contract/boot-check.ts';
import type { Guest } from '../../guest/guest.ts';

/**
 * Copies each initramfs that `changes` make anew into the session's scratch folder, before any of them is made. The boot check compares the new one
 * with it: an entry that is missing then, such as one of crypttab, was lost by the tool that made it.
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
