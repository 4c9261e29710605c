import { describe, expect, test } from '@jest/globals';
import { checkMounts } from '../../../../src/guest/contract/mounts.ts';
import { DATA, FSTAB, ROOT, SATA, expectOneFault, subjectOf, verdictOf } from './contract.ts';

const FILE = '/etc/fstab';
const withLine = (line: string, more = {}) => subjectOf({ [FILE]: `${FSTAB}${line}\n`, ...more });
const withUnit = (what: string) =>
  subjectOf({
    '/etc/systemd/system/srv.mount': `[Unit]\nDescription=data\n[Mount]\nWhat=${what}\nWhere=/srv\nType=xfs\n`,
    '/etc/systemd/system/local-fs.target.requires/srv.mount': { link: '../srv.mount' },
  });

describe('fstab', () => {
  test.each([
    ['/dev/sdb1 /srv xfs defaults 0 0', /there is no \/dev\/sdb1/, 'UUID=bbbb-1 /srv xfs defaults 0 0'],
    ['UUID=gone /srv xfs defaults 0 0', /no device has the UUID gone/, 'UUID=gone /srv xfs noauto 0 0'],
    [
      '/dev/disk/by-id/wwn-0x6000c29a-part1 /srv xfs defaults 0 0',
      /no disk of the target has the id/,
      '/dev/disk/by-id/virtio-data-part1 /srv xfs defaults 0 0',
    ],
    [
      '/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:1:0-part1 /srv xfs defaults 0 0',
      /on virtio/,
      '/dev/vdb1 /srv xfs defaults 0 0',
    ],
    ['.host:/ /mnt/hgfs vmhgfs defaults 0 0', /shared folder of VMware/, '.host:/ /mnt/hgfs vmhgfs nofail 0 0'],
    [
      '.host:/ /mnt fuse.vmhgfs-fuse allow_other 0 0',
      /shared folder of VMware/,
      '#.host:/ /mnt fuse.vmhgfs-fuse x 0 0',
    ],
    ['vmhgfs-fuse#.host:/ /mnt fuse defaults 0 0', /shared folder of VMware/, 'server:/x /mnt nfs defaults 0 0'],
    ['UUID=bbbb-1 /srv ext4 defaults 0 0', /its content is xfs, not ext4/, 'UUID=bbbb-1 /srv auto defaults 0 0'],
    ['/dev/sdb1 none swap sw 0 0', /swap space is on \/dev\/sdb1/, '/dev/sdb1 none swap sw,noauto 0 0'],
    ['UUID=bbbb-1 none swap sw 0 0', /its content is xfs, not swap/, '/srv /export none bind 0 0'],
    ['/swapfile none swap sw 0 0', /\/swapfile, which does not exist/, 'tmpfs /tmp tmpfs defaults 0 0'],
    [
      'UUID=bbbb-1 /srv xfs noatime,logdev=/dev/sdc1 0 0',
      /the option logdev=\/dev\/sdc1 of \/srv is on \/dev\/sdc1: there is no/,
      'UUID=bbbb-1 /srv xfs noatime,logdev=/dev/vdb1 0 0',
    ],
    [
      'UUID=bbbb-1 /srv auto device=/dev/sdb1,compress 0 0',
      /the option device=\/dev\/sdb1 of \/srv/,
      'UUID=bbbb-1 /srv auto compress 0 0',
    ],
    ['/dev/mapper/datavg-data /srv xfs defaults 0 0', /no logical volume and no line of crypttab/, '# nothing'],
  ])('%s', async (wrong, reason, right) => {
    await expectOneFault(withLine(wrong), { file: FILE, line: 2, reason }, withLine(right));
  });

  test.each([
    '/a:/b /srv fuse.mergerfs defaults 0 0',
    'a@b:/ /srv fuse.sshfs _netdev 0 0',
    '//a/b /srv cifs _netdev 0 0',
  ])('without a device of the VM: %s', async (line) => {
    expect(await verdictOf(withLine(line))).toBe('ready');
  });

  test('a swap file that exists is found', async () => {
    expect(await verdictOf(withLine('/swapfile none swap sw 0 0', { '/swapfile': 'swap' }))).toBe('ready');
  });

  test('a fault in a line with nofail is reported, and does not count', async () => {
    const subject = withLine('/dev/sdb1 /srv xfs nofail 0 0');
    const checks = await checkMounts(subject);
    expect(checks.find(({ line }) => line === 2)).toMatchObject({ verdict: 'not-ready', isAdvisory: true });
    expect(await verdictOf(subject)).toBe('ready');
  });

  test('a mount at the first access fails then', async () => {
    await expectOneFault(
      withLine('/dev/sdb1 /srv xfs x-systemd.automount 0 0'),
      { file: FILE, line: 2, reason: /there is no \/dev\/sdb1/ },
      withLine('UUID=bbbb-1 /srv xfs x-systemd.automount 0 0'),
    );
  });

  test('a line whose unit is masked is not used', async () => {
    const line = '/dev/sdb1 /srv/my-data xfs defaults 0 0';
    await expectOneFault(
      withLine(line),
      { file: FILE, line: 2, reason: /there is no \/dev\/sdb1/ },
      withLine(line, { '/etc/systemd/system/srv-my\\x2ddata.mount': { link: '/dev/null' } }),
    );
  });

  test('a device name of the right type that leads to another disk', async () => {
    const devices = [
      { ...ROOT, uuid: 'root' },
      { ...DATA, type: 'ext4' },
    ];
    const mounts = [
      { mountable: '/dev/sda1', path: '/' },
      { mountable: '/dev/sdb1', path: '/boot' },
    ];
    const withBoot = (spec: string) =>
      subjectOf(
        { [FILE]: `UUID=root / ext4 defaults 0 1\n${spec} /boot ext4 defaults 0 2\n` },
        { devices, mounts, disks: SATA },
      );
    await expectOneFault(
      withBoot('/dev/sda1'),
      { file: FILE, line: 2, reason: /leads to \/dev\/sda1, but it was on \/dev\/sdb1/ },
      withBoot('/dev/sdb1'),
    );
  });

  test('two file systems with one UUID cannot be judged', async () => {
    const devices = [ROOT, DATA, { ...DATA, name: '/dev/sdb2', partition: 2 }];
    const subject = subjectOf({ [FILE]: `${FSTAB}UUID=bbbb-1 /srv xfs defaults 0 0\n` }, { devices });
    expect(await verdictOf(subject)).toBe('unknown');
  });
});

describe('units of systemd', () => {
  test('an enabled mount unit', async () => {
    await expectOneFault(
      withUnit('/dev/sdb1'),
      { file: '/etc/systemd/system/srv.mount', line: 4, reason: /there is no \/dev\/sdb1/ },
      withUnit('/dev/disk/by-uuid/bbbb-1'),
    );
  });

  test('a unit that nothing enables is not used', async () => {
    const unit = '[Mount]\nWhat=/dev/sdb1\nWhere=/srv\n';
    expect(await verdictOf(subjectOf({ '/etc/systemd/system/srv.mount': unit }))).toBe('ready');
  });

  test('an enabled swap unit', async () => {
    const file = '/etc/systemd/system/dev-sdb1.swap';
    const link = { '/etc/systemd/system/swap.target.wants/dev-sdb1.swap': { link: '../dev-sdb1.swap' } };
    const swap = (what: string) =>
      subjectOf({ [file]: `[Swap]\nWhat=${what}\n`, ...link }, { devices: [ROOT, { ...DATA, type: 'swap' }] });
    await expectOneFault(swap('/dev/sdb1'), { file, line: 2, reason: /there is no \/dev\/sdb1/ }, swap('/dev/vdb1'));
  });
});
