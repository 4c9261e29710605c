import { expect, test } from '@jest/globals';
import { GuestDraft } from '../../../src/guest/change.ts';
import type { Guest } from '../../../src/guest/guest.ts';
import { selinux } from '../../../src/guest/linux/selinux.ts';
import { treeOfFiles, type TreeContent } from '../contract/tree-of-files.ts';

const CONFIG = { '/etc/selinux/config': 'SELINUX=enforcing\nSELINUXTYPE=targeted\n', '/etc/fstab': 'old\n' };
const LINK = '/etc/systemd/network/10-lan.link';

interface MadeUp {
  files?: TreeContent;
  /** The result of the guest's setfiles. */
  error?: string;
  /** Whether setfiles gives the files labels. */
  labels?: boolean;
  /** Files that have no label before. */
  unlabeled?: readonly string[];
  /** Whether another fix has changed something. */
  isChanged?: boolean;
}

/** Applies the fix to a guest in which two files are drafted, and a program of the guest writes another one. */
async function applied({ files = {}, error, labels = true, unlabeled = [], isChanged = true }: MadeUp = {}): Promise<{
  labelled: string[];
  requested: boolean;
}> {
  const content: Record<string, TreeContent[string]> = { ...CONFIG, '/boot': { folder: true }, ...files };
  const commands: string[] = [];
  const tree = () => treeOfFiles(content);
  const guestFiles = {
    ...tree(),
    isFile: (path: string) => tree().isFile(path),
    exists: async (path: string) => (await tree().isFile(path)) || (await tree().isFolder(path)),
    write: async (path: string, text: string) => void (content[path] = text),
    copy: async () => {},
    label: async (path: string) =>
      (commands.length > 0 ? labels : !unlabeled.includes(path)) ? 'system_u:object_r:etc_t:s0' : undefined,
  };
  const session = {
    outcome: async ([, command = '']: readonly string[]) => {
      commands.push(command);
      return { output: Buffer.alloc(0), error };
    },
  };
  const facts: Partial<Guest> = {
    devices: [{ name: '/dev/sda1', disk: 0, partition: 1, type: 'xfs', uuid: 'aaaa' }],
    mounts: [{ mountable: '/dev/sda1', path: '/' }],
    kernels: [],
  };
  // oxlint-disable-next-line no-unsafe-type-assertion -- the fix uses only these members
  const guest = { ...facts, session, files: guestFiles } as unknown as Guest;
  const draft = new GuestDraft(guest);
  if (isChanged) await draft.write('storage-names', '/etc/fstab', 'new\n', ['renamed']);
  if (isChanged) await draft.write('network', LINK, '[Match]\n', ['bound']);
  const run = { fix: 'initramfs', path: '/boot/initramfs.img', details: [] } as const;
  if (isChanged)
    draft.run(run, async () => {
      content['/etc/ld.so.cache'] = 'cache';
      draft.record({ fix: 'initramfs', action: 'edit', path: '/etc/ld.so.cache', details: ['written by dracut'] });
    });
  await selinux.plan(guest, draft);
  await draft.apply(() => {});
  const words = commands.flatMap((command) => command.split(' ').map((word) => word.replaceAll("'", '')));
  const paths = words.slice(words.findIndex((word) => word.endsWith('file_contexts')) + 1);
  return { labelled: words[0] === 'setfiles' ? paths : [], requested: '/.autorelabel' in content };
}

test('what was drafted, new folders, and what programs of the guest changed is labelled', async () => {
  const { labelled, requested } = await applied();
  expect(labelled).toEqual(expect.arrayContaining(['/etc/fstab', LINK, '/etc/systemd', '/etc/ld.so.cache', '/boot']));
  expect(labelled).not.toContain('/etc');
  expect(requested).toBe(false);
});

test.each([
  ['fails', { error: 'command not found' }],
  ['leaves the files without a label', { labels: false }],
])('if setfiles %s, the guest labels itself when it starts', async (_what, result) => {
  expect((await applied(result)).requested).toBe(true);
});

test('a file that had no label on VMware gets one, also in a guest that needs no other change', async () => {
  const files = { '/etc/modprobe.d/own.conf': '' };
  const unlabeled = Object.keys(files);
  expect((await applied({ files, unlabeled })).labelled).toEqual(expect.arrayContaining(unlabeled));
  expect((await applied({ files, unlabeled, isChanged: false })).labelled).toEqual(expect.arrayContaining(unlabeled));
  expect((await applied({ files, isChanged: false })).labelled).toEqual([]);
});

test.each(['disabled', ''])('a guest with SELINUX=%s is not labelled', async (mode) => {
  const files = { '/etc/selinux/config': `SELINUX=${mode}\n` };
  expect(await applied({ files, labels: false })).toEqual({ labelled: [], requested: false });
});
