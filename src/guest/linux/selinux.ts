import { posix } from 'node:path';
import { BACKUP_FOLDER, type Fix, type GuestDraft } from '../change.ts';
import { storesLabels, unlabeledFiles } from '../contract/labels.ts';
import type { Guest } from '../guest.ts';
import { argumentString } from '../guestfs-words.ts';

const NAME = 'selinux';
const CONFIG = '/etc/selinux/config';
const RELABEL_LIMIT_MS = 1_800_000;
/** Folders that the guest's tools write to, besides the files of the draft. */
const ALSO = [BACKUP_FOLDER, '/etc/dracut.conf.d', '/etc/systemd/network', '/boot'];
/** The guest labels all its files at its next start, and then starts again. */
const RELABEL_REQUEST = '/.autorelabel';

/**
 * Files that were created or changed without SELinux have no label or a wrong one. The guest's own `setfiles` and
 * policy label them. If that does not label them, the guest relabels itself at its first start.
 */
export const selinux: Fix = {
  name: NAME,
  async plan(guest, draft) {
    const config = (await guest.files.read(CONFIG)) ?? '';
    if (!/^\s*SELINUX=(enforcing|permissive)\s*$/m.test(config)) return;
    // Files that had no label on VMware get one too: which programs may read them depends on the policy.
    const unlabeled = (await unlabeledFiles(guest, (path) => guest.files.label(path))) ?? [];
    if (draft.changes().length === 0 && unlabeled.length === 0) return;
    const policy = /^\s*SELINUXTYPE=([\w-]+)\s*$/m.exec(config)?.[1] ?? 'targeted';
    const contexts = `/etc/selinux/${policy}/contexts/files/file_contexts`;
    const folders = await newFolders(guest, draft);
    draft.run({ fix: NAME, path: contexts, details: [detailOf(unlabeled)] }, (later) =>
      relabel(later, contexts, [...folders, ...unlabeled, ...changedPaths(draft)]),
    );
  },
};

function detailOf(unlabeled: readonly string[]): string {
  const also = unlabeled.length === 0 ? '' : `, and ${unlabeled.join(', ')}, which had no label`;
  return `what was changed is labelled${also}`;
}

/** Files that are known only after the guest's programs have run are in the draft too. */
function changedPaths(draft: GuestDraft): string[] {
  return draft.changes().flatMap(({ action, fix, path }) => (action === 'remove' || fix === NAME ? [] : [path]));
}

/** The topmost folders that are created for drafted files. */
async function newFolders({ files }: Guest, draft: GuestDraft): Promise<string[]> {
  const found = new Set<string>();
  for (const { action, path } of draft.changes()) {
    if (action !== 'create') continue;
    let topmost: string | undefined;
    for (let folder = posix.dirname(path); !(await files.isFolder(folder)); folder = posix.dirname(folder)) {
      topmost = folder;
    }
    if (topmost !== undefined) found.add(topmost);
  }
  return [...found];
}

async function relabel(guest: Guest, contexts: string, changed: readonly string[]): Promise<void> {
  const { session, files } = guest;
  const paths: string[] = [];
  for (const path of new Set([...ALSO, ...changed])) if (await files.exists(path)) paths.push(path);
  const command = argumentString(['setfiles', '-F', contexts, ...paths]);
  const { error } = await session.outcome(['command', command], { limitMs: RELABEL_LIMIT_MS });
  // setfiles leaves out file systems that the appliance's kernel mounts without labels, and succeeds.
  if (error !== undefined || (await hasUnlabeled(guest, changed))) await files.write(RELABEL_REQUEST, '');
}

async function hasUnlabeled(guest: Guest, paths: readonly string[]): Promise<boolean> {
  for (const path of paths) {
    if (!storesLabels(path, guest) || !(await guest.files.isFile(path))) continue;
    if ((await guest.files.label(path)) === undefined) return true;
  }
  return false;
}
