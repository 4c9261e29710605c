import type { Fix, GuestDraft } from '../../change.ts';
import { hasVmwareId } from '../../inspect/disks/disk-names.ts';

const NAME = 'volumes';
/** What multipathd remembers of disks: which it takes, and what it calls them. */
const MEMORIES = ['/etc/multipath/wwids', '/etc/multipath/bindings'];
const CONFIG = '/etc/multipath.conf';
/** The disks of KVM, in place of those that a blacklist names by id. */
const NEW_DISKS = ['devnode "^vd[a-z]"', 'device { vendor "QEMU" product "QEMU HARDDISK" }'];

/** Ids of VMware's virtual disks in the configuration of multipath. A disk has another id on KVM, or none. */
export const multipath: Fix = {
  name: NAME,
  async plan(_guest, draft) {
    for (const path of MEMORIES) await planMemory(draft, path);
    await planBlacklist(draft);
  },
};

async function planMemory(draft: GuestDraft, path: string): Promise<void> {
  const before = await draft.read(path);
  if (before === undefined) return;
  const lines = before.split('\n');
  const kept = lines.filter((line) => line.startsWith('#') || !hasVmwareId(line));
  const details = lines.filter((line) => !kept.includes(line)).map((line) => `${line.trim()} is left out`);
  await draft.write(NAME, path, kept.join('\n'), details);
}

/** Where a blacklist keeps multipath off the local disks by their ids, it keeps it off those of KVM. */
async function planBlacklist(draft: GuestDraft): Promise<void> {
  const before = await draft.read(CONFIG);
  if (before === undefined) return;
  const details: string[] = [];
  let depth = 0;
  let isBlacklist = false;
  const lines = before.split('\n').flatMap((line) => {
    const content = line.replace(/[#!].*$/, '');
    if (depth === 0 && content.includes('{')) isBlacklist = /^\s*blacklist\s*\{/.test(content);
    depth += count(content, '{') - count(content, '}');
    if (!isBlacklist || !/^\s*wwid\s/.test(content) || !hasVmwareId(content)) return [line];
    const indent = /^\s*/.exec(line)?.[0] ?? '';
    const added = details.length === 0 ? NEW_DISKS.filter((entry) => !before.includes(entry)) : [];
    details.push(`${content.trim()} of the blacklist ${added.length > 0 ? `→ ${added.join(', ')}` : 'is left out'}`);
    return added.map((entry) => indent + entry);
  });
  await draft.write(NAME, CONFIG, lines.join('\n'), details);
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}
