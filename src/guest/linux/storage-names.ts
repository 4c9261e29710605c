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
    await planTable(guest, draft, '/etc/fstab', 0);
    // What an encrypted device holds is no type of fstab.
    await planTable(guest, draft, '/etc/crypttab', 1);
    await planResume(guest, draft);
  },
};

async function planTable(guest: Guest, draft: GuestDraft, path: string, column: number): Promise<void> {
  const isFstab = column === 0;
  const before = await draft.read(path);
  if (before === undefined) return;
  const root = rootDevice(guest);
  const { text, renamed } = renameInTable(before, column, (fields) => {
    const spec = fields[column] ?? '';
    const type = isFstab ? fields[2] : undefined;
    const isNeeded = isFstab && type !== 'swap' && !/\b(nofail|noauto)\b/.test(fields[3] ?? '');
    return renamedSpec(spec, guest, draft, path, {
      type,
      isNeeded,
      root: isFstab && fields[1] === '/' ? root : undefined,
    });
  });
  await draft.write(NAME, path, text, renamed.map(shown));
}

interface SpecFacts {
  type?: string | undefined;
  root?: BlockDevice | undefined;
  /** The system does not start without it. */
  isNeeded?: boolean;
}

function renamedSpec(
  spec: string,
  guest: Guest,
  draft: GuestDraft,
  path: string,
  { type = '', root, isNeeded = false }: SpecFacts,
): string | undefined {
  const found = newName(spec, guest, { type, root });
  if (found === 'stays') return undefined;
  if (found !== 'unknown') return found.name;
  // A CD-ROM of another time is no loss.
  if (['iso9660', 'udf', 'udf,iso9660'].includes(type)) return undefined;
  const message = `${path} names ${spec}, which is no device of this machine: the line stays as it is.`;
  if (isNeeded) draft.obstruct(message);
  else draft.warn(message);
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
