import { GuestDraft, type Change, type Fix } from '../../../src/guest/change.ts';
import type { GuestFiles } from '../../../src/guest/guest-files.ts';
import type { GuestTree } from '../../../src/guest/guest-tree.ts';
import type { Guest } from '../../../src/guest/guest.ts';
import type { Guestfs } from '../../../src/guest/guestfs.ts';
import { treeOfFiles, type TreeContent } from '../contract/tree-of-files.ts';

/** The result of planning a fix. */
export interface Planned {
  changes: Change[];
  warnings: string[];
  obstacles: string[];
  /** Returns a file's content after the plan; undefined if the file would not exist. */
  read: (path: string) => Promise<string | undefined>;
}

/** The files of a guest, with the other methods that a plan calls. */
export function planFiles(content: TreeContent): GuestFiles {
  const tree = treeOfFiles(content);
  const sizeBytes = async (path: string): Promise<number> => (await tree.readBytes(path, Infinity))?.length ?? 0;
  const label = async (): Promise<string> => 'system_u:object_r:etc_t:s0';
  const files: GuestTree & Pick<GuestFiles, 'sizeBytes' | 'label'> = { ...tree, sizeBytes, label };
  // oxlint-disable-next-line no-unsafe-type-assertion -- a plan only reads files
  return files as GuestFiles;
}

/**
 * Plans a fix for a guest with these files, on one disk whose first partition is the root. No appliance is started:
 * reads from a device return only zeros.
 */
export async function plannedOn(content: TreeContent, fix: Fix, changes: Partial<Guest> = {}): Promise<Planned> {
  const session: Pick<Guestfs, 'call' | 'attempt'> = {
    call: ([, , count]) => Promise.resolve(Buffer.alloc(Number(count ?? 0))),
    attempt: () => Promise.resolve(undefined),
  };
  const guest: Guest = {
    // oxlint-disable-next-line no-unsafe-type-assertion -- a plan only reads from the session
    session: session as Guestfs,
    files: planFiles(content),
    disks: [{ path: 'disk.qcow2', format: 'qcow2' }],
    nics: [],
    devices: [{ name: '/dev/sda1', disk: 0, partition: 1, type: 'ext4', uuid: 'aaaa' }],
    opened: [],
    diskOrder: [0],
    system: { id: 'debian', idLike: [], version: '12', prettyName: 'Debian' },
    mounts: [{ mountable: '/dev/sda1', path: '/' }],
    kernels: [],
    ...changes,
  };
  const draft = new GuestDraft(guest);
  await fix.plan(guest, draft);
  const { warnings, obstacles } = draft;
  return { changes: draft.changes(), warnings, obstacles, read: (path) => draft.read(path) };
}
