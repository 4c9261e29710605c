import { expect, test } from '@jest/globals';
import { checkLabels } from '../../../src/guest/contract/labels.ts';
import { bootSubject, type TreeContent } from './tree-of-files.ts';

const CONFIG = '/etc/selinux/config';
const LINK = '/etc/systemd/network/10-lan.link';
const ENFORCING = { [CONFIG]: '# as installed\nSELINUX=enforcing\nSELINUXTYPE=targeted\n', '/etc/fstab': '' };
const ETC = 'system_u:object_r:etc_t:s0';

/** The checks of a guest whose files have these labels; other files have none. */
async function found(files: TreeContent, labels: Record<string, string>): Promise<string[]> {
  const readLabel = async (path: string): Promise<string | undefined> => labels[path];
  const checks = await checkLabels(bootSubject(files, { readLabel }));
  return checks.map(({ verdict, file }) => `${verdict} ${file}`);
}

test('a file without a label is found', async () => {
  const files = { ...ENFORCING, [LINK]: '[Match]\n' };
  expect(await found(files, { '/etc/fstab': ETC })).toEqual([`not-ready ${LINK}`]);
  expect(await found(files, { '/etc/fstab': ETC, [LINK]: ETC })).toEqual([`ready ${CONFIG}`]);
});

test.each(['system_u:object_r:unlabeled_t:s0', 'system_u:object_r:file_t', '', 'system_u'])(
  '%p is not a label',
  async (label) => {
    const files = { ...ENFORCING, [LINK]: '[Match]\n' };
    expect(await found(files, { '/etc/fstab': ETC, [LINK]: label })).toEqual([`not-ready ${LINK}`]);
  },
);

test.each([
  ['permissive', { [CONFIG]: 'SELINUX=permissive\n' }],
  ['disabled by the kernel command line', { '/etc/kernel/cmdline': 'root=/dev/vda1 selinux=0\n' }],
  ['permissive by the kernel command line', { '/etc/kernel/cmdline': 'root=/dev/vda1 enforcing=0\n' }],
])('nothing is checked in a guest that is %s', async (_what, changes) => {
  const files = { ...ENFORCING, [LINK]: '[Match]\n', ...changes };
  expect(await found(files, { '/etc/fstab': ETC })).toEqual([]);
});

test('nothing is checked in a guest that was never labelled, or without SELinux', async () => {
  expect(await found({ ...ENFORCING, [LINK]: '[Match]\n' }, {})).toEqual([]);
  expect(await found({ '/etc/fstab': '', [LINK]: '[Match]\n' }, { '/etc/fstab': ETC })).toEqual([]);
});

test('a request to label all files at the next start is enough', async () => {
  const files = { ...ENFORCING, [LINK]: '[Match]\n', '/.autorelabel': '' };
  expect(await found(files, { '/etc/fstab': ETC })).toEqual(['ready /.autorelabel']);
});

test('file systems that store no labels are left out', async () => {
  const files = { ...ENFORCING, [LINK]: '[Match]\n' };
  const readLabel = async (path: string): Promise<string | undefined> => (path === '/etc/fstab' ? ETC : undefined);
  const { devices, mounts } = bootSubject(files);
  const subject = bootSubject(files, {
    readLabel,
    devices: [...devices, { name: '/dev/sda2', disk: 0, partition: 2, type: 'vfat' }],
    mounts: [...mounts, { mountable: '/dev/sda2', path: '/etc/systemd/network' }],
  });
  expect((await checkLabels(subject)).map(({ verdict }) => verdict)).toEqual(['ready']);
});
