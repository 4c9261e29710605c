import { posix } from 'node:path';
import type { GuestDraft } from '../change.ts';
import type { Guest } from '../guest.ts';

const FSTAB = '/etc/fstab';
const UNITS = '/etc/systemd/system';

/**
 * Shared folders of VMware (`vmhgfs`), which no other hypervisor provides: a guest that mounts one during its start
 * ends up in emergency mode. Lines of fstab become comments, and units are disabled.
 */
export async function planVmwareMounts({ files }: Guest, draft: GuestDraft): Promise<void> {
  await planFstab(draft);
  for (const path of await files.find(UNITS, /\.mount$/)) {
    if (!isSharedFolderUnit((await draft.read(path)) ?? '')) continue;
    const names = new Set([posix.basename(path), posix.basename(path).replace(/\.mount$/, '.automount')]);
    for (const folder of await files.find(UNITS, /\.(wants|requires)$/)) {
      for (const name of await files.list(folder)) {
        if (names.has(name)) draft.unlink('vmware', posix.join(folder, name), ['it mounts a shared folder of VMware']);
      }
    }
  }
}

async function planFstab(draft: GuestDraft): Promise<void> {
  const before = await draft.read(FSTAB);
  if (before === undefined) return;
  const details: string[] = [];
  const lines = before.split('\n').map((line) => {
    const [spec = '', path = '', type = ''] = line.trim().split(/\s+/);
    if (spec.startsWith('#') || !isSharedFolder(spec, type)) return line;
    details.push(`${spec} on ${path} is commented out: it is a shared folder of VMware`);
    return `# ${line}`;
  });
  await draft.write('vmware', FSTAB, lines.join('\n'), details);
}

function isSharedFolderUnit(text: string): boolean {
  const value = (key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1]?.trim() ?? '';
  return isSharedFolder(value('What'), value('Type'));
}

/** `.host:/share /mnt fuse.vmhgfs-fuse`, `.host:/ /mnt vmhgfs`, and `vmhgfs-fuse /mnt fuse`. */
function isSharedFolder(spec: string, type: string): boolean {
  return /vmhgfs/.test(type) || spec.startsWith('.host:') || /^vmhgfs-fuse(#|$)/.test(spec);
}
