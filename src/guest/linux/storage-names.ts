import type { Fix, GuestDraft } from '../change.ts';
import { rootDevice, type BlockDevice, type Guest } from '../guest.ts';
import { renameInTable, type Renamed } from './fstab-names.ts';
import { newName } from './stable-name.ts';

const NAME = 'storage-names';

/** Lines `RESUME=/dev/sda5`, which initramfs-tools copies into each initramfs. */
const RESUME_FILE = '/etc/initramfs-tools/conf.d/resume';

/** Names in fstab, crypttab and the configuration of the initramfs that follow the hardware: to UUID or PARTUUID of what they really mean. */
export const storageNames: Fix = {
  name: NAME,
  async plan(guest, draft) {
    await planTable(guest, draft, {
      path: '/etc/fstab',
      column: 0,
      isRoot: (fields) => fields[1] === '/',
      type: (fields) => fields[2],
    });
    // A source device may be a file or a path; what it is encrypted with is no type of fstab.
    await planTable(guest, draft, { path: '/etc/crypttab', column: 1, isRoot: () => false, type: () => undefined });
    await planResume(guest, draft);
  },
};

interface Table {
  path: string;
  column: number;
  isRoot: (fields: readonly string[]) => boolean;
  type: (fields: readonly string[]) => string | undefined;
}

async function planTable(guest: Guest, draft: GuestDraft, { path, column, isRoot, type }: Table): Promise<void> {
  const before = await draft.read(path);
  if (before === undefined) return;
  const root = rootDevice(guest);
  const { text, renamed } = renameInTable(before, column, (fields) => {
    const spec = fields[column] ?? '';
    return renamedSpec(spec, guest, draft, path, { type: type(fields), root: isRoot(fields) ? root : undefined });
  });
  await draft.write(NAME, path, text, renamed.map(shown));
}

function renamedSpec(
  spec: string,
  guest: Guest,
  draft: GuestDraft,
  path: string,
  { type = '', root }: { type?: string | undefined; root?: BlockDevice | undefined },
): string | undefined {
  const found = newName(spec, guest, { type, root });
  if (found === 'stays') return undefined;
  if (found !== 'unknown') return found.name;
  // A CD-ROM of another time is no loss.
  if (!['iso9660', 'udf', 'udf,iso9660'].includes(type)) {
    draft.warn(`${path} names ${spec}, which is no device of this machine: the line stays as it is.`);
  }
  return undefined;
}

async function planResume(guest: Guest, draft: GuestDraft): Promise<void> {
  const before = await draft.read(RESUME_FILE);
  if (before === undefined) return;
  const renamed: Renamed[] = [];
  const text = before.replace(/^(RESUME=)(\/dev\/\S+)/gm, (line, key: string, from: string) => {
    const to = renamedSpec(from, guest, draft, RESUME_FILE, { type: 'swap' });
    if (to === undefined) return line;
    renamed.push({ from, to });
    return key + to;
  });
  await draft.write(NAME, RESUME_FILE, text, renamed.map(shown));
}

function shown({ from, to }: Renamed): string {
  return `${from} → ${to}`;
}
