import type { Fix, GuestDraft } from '../../change.ts';
import { hasVmwareId } from '../../inspect/disks/disk-names.ts';

const NAME = 'volumes';
/** multipathd's state: the disks that it claims, and their names. */
const MEMORIES = ['/etc/multipath/wwids', '/etc/multipath/bindings'];
const CONFIG = '/etc/multipath.conf';
/** KVM's disks, for a blacklist that excludes disks by id. */
const NEW_DISKS = ['devnode "^vd[a-z]"', 'device { vendor "QEMU" product "QEMU HARDDISK" }'];

/** Fixes ids of VMware's virtual disks in the configuration of multipath. On KVM a disk has another id, or none. */
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

/** If a blacklist excludes the local disks from multipath by their ids, the KVM disks are excluded too. */
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
