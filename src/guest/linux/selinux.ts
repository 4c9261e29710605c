import { BACKUP_FOLDER, type Fix } from '../change.ts';
import type { Guest } from '../guest.ts';
import { argumentString } from '../guestfs-words.ts';

const NAME = 'selinux';
const RELABEL_LIMIT_MS = 1_800_000;
/** Folders that the guest's tools write to, besides the drafted files. */
const ALSO = [BACKUP_FOLDER, '/etc/dracut.conf.d', '/etc/systemd/network', '/boot'];

/**
 * Files that were created or changed without SELinux have no label or a wrong one. The guest's own `setfiles` and
 * policy label them. If that does not run, the guest relabels itself at its first start.
 */
export const selinux: Fix = {
  name: NAME,
  async plan(guest, draft) {
    if (draft.changes().length === 0) return;
    const config = (await guest.files.read('/etc/selinux/config')) ?? '';
    if (!/^SELINUX=(enforcing|permissive)\s*$/m.test(config)) return;
    const policy = /^SELINUXTYPE=([\w-]+)\s*$/m.exec(config)?.[1] ?? 'targeted';
    const contexts = `/etc/selinux/${policy}/contexts/files/file_contexts`;
    const edited = draft.editedPaths();
    draft.run({ fix: NAME, path: contexts, details: ['what was changed is labelled'] }, (later) =>
      relabel(later, contexts, edited),
    );
  },
};

async function relabel({ session, files }: Guest, contexts: string, edited: readonly string[]): Promise<void> {
  const paths: string[] = [];
  for (const path of [...ALSO, ...edited]) if (await files.exists(path)) paths.push(path);
  const command = argumentString(['setfiles', '-F', contexts, ...paths]);
  const { error } = await session.outcome(['command', command], { limitMs: RELABEL_LIMIT_MS });
  if (error !== undefined) await files.write('/.autorelabel', '');
}
