import { expect, test } from '@jest/globals';
import { vmwareLeftovers } from '../../../src/guest/linux/vmware.ts';
import { plannedOn } from './planned-on.ts';

const fix = vmwareLeftovers({ removeTools: false });

test.each([
  '.host:/ /mnt/hgfs fuse.vmhgfs-fuse defaults,allow_other 0 0',
  '.host:/share\t/srv/share\tvmhgfs\tdefaults\t0 0',
  'vmhgfs-fuse /mnt/hgfs fuse defaults 0 0',
])('the line %j of fstab becomes a comment', async (line) => {
  const fstab = `UUID=aaaa / ext4 defaults 0 1\n${line}\nUUID=bbbb /srv ext4 defaults 0 2\n`;
  const first = await plannedOn({ '/etc/fstab': fstab }, fix);
  const after = await first.read('/etc/fstab');
  expect(after).toBe(fstab.replace(line, `# ${line}`));
  expect(first.changes).toMatchObject([{ fix: 'vmware', action: 'edit', path: '/etc/fstab' }]);
  expect((await plannedOn({ '/etc/fstab': after ?? '' }, fix)).changes).toEqual([]);
});

test('units that mount a shared folder are not started, and others are', async () => {
  const wants = '/etc/systemd/system/multi-user.target.wants';
  const { changes } = await plannedOn(
    {
      '/etc/systemd/system/mnt-hgfs.mount': '[Mount]\nWhat=.host:/\nWhere=/mnt/hgfs\nType=fuse.vmhgfs-fuse\n',
      '/etc/systemd/system/mnt-hgfs.automount': '[Automount]\nWhere=/mnt/hgfs\n',
      '/etc/systemd/system/srv.mount': '[Mount]\nWhat=/dev/vg/srv\nWhere=/srv\nType=ext4\n',
      [`${wants}/mnt-hgfs.mount`]: { link: '../mnt-hgfs.mount' },
      [`${wants}/mnt-hgfs.automount`]: { link: '../mnt-hgfs.automount' },
      [`${wants}/srv.mount`]: { link: '../srv.mount' },
    },
    fix,
  );
  expect(changes.map(({ action, path }) => `${action} ${path}`)).toEqual([
    `remove ${wants}/mnt-hgfs.automount`,
    `remove ${wants}/mnt-hgfs.mount`,
  ]);
});
