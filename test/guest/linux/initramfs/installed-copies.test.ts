import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import type { Change } from '../../../../src/guest/change.ts';
import type { Guest } from '../../../../src/guest/guest.ts';
import { installedCopies, refreshCopies } from '../../../../src/guest/linux/initramfs/installed-copies.ts';
import { treeOfFiles } from '../../contract/tree-of-files.ts';

const VERSION = '6.1.0';
const IMAGE = `/boot/initrd.img-${VERSION}`;
const FOLDER = `/boot/efi/f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0/${VERSION}`;
const COPY = `${FOLDER}/initrd.img-${VERSION}`;

/** What is copied and recorded if the rebuild of a guest's initramfs leaves the files `after`. */
async function refreshed(before: Record<string, string>, after: Record<string, string>): Promise<unknown> {
  let current: Record<string, string> = { [`${FOLDER}/linux`]: 'kernel', ...before };
  const copied: string[] = [];
  const changes: Change[] = [];
  const files = () => ({
    ...treeOfFiles(current),
    copyContent: async (from: string, to: string) => void copied.push(`${from} → ${to}`),
  });
  const text = async ([, , path = '']: readonly string[]) =>
    createHash('sha256')
      .update(current[path] ?? '')
      .digest('hex');
  // oxlint-disable-next-line no-unsafe-type-assertion -- only these methods are called
  const guest = () => ({ files: files(), session: { text } }) as unknown as Guest;
  const copies = await installedCopies(guest(), VERSION, IMAGE);
  current = { ...current, ...after };
  await refreshCopies(guest(), { record: (change) => void changes.push(change) }, IMAGE, copies);
  return { copied, recorded: changes.map(({ path }) => path) };
}

const DONE = { copied: [`${IMAGE} → ${COPY}`], recorded: [COPY] };
const NOTHING = { copied: [], recorded: [] };

test('a copy that the boot entry loads follows the rebuilt initramfs', async () => {
  expect(await refreshed({ [IMAGE]: 'old', [COPY]: 'old' }, { [IMAGE]: 'new' })).toEqual(DONE);
});

test.each([
  ['a hook has replaced', { [IMAGE]: 'old', [COPY]: 'old' }, { [IMAGE]: 'new', [COPY]: 'new' }],
  ['was another image before', { [IMAGE]: 'old', [COPY]: 'own' }, { [IMAGE]: 'new' }],
  ['is of an initramfs that did not change', { [IMAGE]: 'old', [COPY]: 'old' }, {}],
])('a copy that %s stays', async (_what, before, after) => {
  expect(await refreshed(before, after)).toEqual(NOTHING);
});

test('a guest without copies needs nothing', async () => {
  expect(await refreshed({ [IMAGE]: 'old' }, { [IMAGE]: 'new' })).toEqual(NOTHING);
});
