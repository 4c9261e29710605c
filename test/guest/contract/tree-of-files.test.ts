import { expect, test } from '@jest/globals';
import { treeOfFiles } from './tree-of-files.ts';

const TREE = treeOfFiles({
  '/etc/fstab': 'é',
  '/usr/lib/modules/6.1/modules.dep': 'a.ko:\n',
  '/lib': { link: 'usr/lib' },
  '/boot/vmlinuz': { link: '/lib/modules/6.1/modules.dep' },
  '/loop': { link: '/loop' },
  '/var/empty': { folder: true },
});

test('a tree of files resolves links in the middle of a path', async () => {
  expect(await TREE.isFile('/boot/vmlinuz')).toBe(true);
  expect(await TREE.realPath('/boot/vmlinuz')).toBe('/usr/lib/modules/6.1/modules.dep');
  expect(await TREE.list('/lib/modules')).toEqual(['6.1']);
  expect(await TREE.find('/lib/modules/6.1', /dep$/)).toEqual(['/lib/modules/6.1/modules.dep']);
  expect(await TREE.linkTarget('/lib')).toBe('usr/lib');
});

test('a tree of files has nothing at a link that leads nowhere', async () => {
  expect(await TREE.read('/loop')).toBeUndefined();
  expect(await TREE.realPath('/loop')).toBe('/loop');
  expect(await TREE.isFolder('/var/empty')).toBe(true);
  expect(await TREE.isFile('/var/empty')).toBe(false);
  expect(await TREE.list('/none')).toEqual([]);
});
