import { describe, expect, test } from '@jest/globals';
import type { BlockDevice } from '../../../../src/guest/guest.ts';
import { FSTAB, ROOT, expectOneFault, subjectOf, verdictOf } from './contract.ts';

const PV: BlockDevice = { name: '/dev/sdb', disk: 1, type: 'LVM2_member', uuid: 'Abcdef-0123', volumeGroup: 'datavg' };
const LV: BlockDevice = { name: '/dev/datavg/data', type: 'xfs', uuid: 'inside', volumeGroup: 'datavg' };
const FILES = { '/etc/fstab': `${FSTAB}/dev/mapper/datavg-data /srv xfs defaults 0 0\n` };
const RHEL = { id: 'rocky', idLike: ['rhel', 'centos', 'fedora'], version: '9.4', prettyName: 'Rocky Linux 9.4' };
const CONF = '/etc/lvm/lvm.conf';
const DEVICES = '/etc/lvm/devices/system.devices';

const withConf = (setting: string, changes = {}) =>
  subjectOf({ ...FILES, [CONF]: `devices {\n${setting}\n}\n` }, { devices: [ROOT, PV, LV], ...changes });
const withEntry = (entry: string, conf = '') =>
  subjectOf(
    { ...FILES, [DEVICES]: `VERSION=1.1.2\n${entry}\n`, [CONF]: `devices {\n${conf}\n}\n` },
    { devices: [ROOT, PV, LV], system: RHEL },
  );

describe('filters', () => {
  test.each(['filter', 'global_filter'])("%s that admits only VMware's names", async (setting) => {
    await expectOneFault(
      withConf(`${setting} = [ "a|^/dev/sd|", "r|.*|" ]`),
      { file: CONF, line: 2, reason: /rejects \/dev\/vdb, a physical volume of datavg/ },
      withConf(`${setting} = [ "a|^/dev/vd|", "r|.*|" ]`),
    );
  });

  test('a filter for a group that nothing waits for does not matter', async () => {
    const content = { [CONF]: 'devices {\nfilter = [ "r|.*|" ]\n}\n' };
    expect(await verdictOf(subjectOf(content, { devices: [ROOT, PV, LV] }))).toBe('ready');
    expect(await verdictOf(subjectOf({ ...FILES, ...content }, { devices: [ROOT, PV, LV] }))).toBe('not-ready');
  });

  test('lvmlocal.conf replaces what lvm.conf sets', async () => {
    const file = '/etc/lvm/lvmlocal.conf';
    const local = (filter: string) =>
      subjectOf(
        {
          ...FILES,
          [CONF]: 'devices {\nfilter = [ "a|.*|" ]\n}\n',
          [file]: `devices {\n\n filter = [ ${filter} ]\n}\n`,
        },
        { devices: [ROOT, PV, LV] },
      );
    await expectOneFault(local('"r|.*|"'), { file, line: 3, reason: /rejects \/dev\/vdb/ }, local('"r|/dev/sr0|"'));
  });

  test('a filter for the group of the root', async () => {
    const root = {
      devices: [PV, { ...LV, name: '/dev/datavg/root', type: 'ext4', uuid: 'aaaa-1' }],
      mounts: [{ mountable: '/dev/datavg/root', path: '/' }],
    };
    const content = (filter: string) => subjectOf({ [CONF]: `devices {\nfilter = [ ${filter} ]\n}\n` }, root);
    await expectOneFault(
      content('"r|/dev/vdb|"'),
      { file: CONF, line: 2, reason: /rejects \/dev\/vdb/ },
      content('"r|/dev/sdb|"'),
    );
  });
});

test('a group without one of its physical volumes', async () => {
  const lacks = (missingMembers: number) => withConf('', { devices: [ROOT, PV, { ...LV, missingMembers }] });
  const reason = /datavg is not complete: 1 of its physical volumes/;
  await expectOneFault(lacks(1), { file: CONF, reason }, lacks(0));
});

test('a group of which no physical volume can be read', async () => {
  expect(await verdictOf(withConf('', { devices: [ROOT, LV] }))).toBe('unknown');
});

describe('the devices file', () => {
  const VMWARE = 'IDTYPE=sys_wwid IDNAME=naa.6000c29f0f0f DEVNAME=/dev/sdb PVID=Abcdef0123';
  const reason =
    /names \/dev\/vdb, a physical volume of datavg, as sys_wwid naa\.6000c29f0f0f, which no disk of the target has/;

  test.each([
    ['the serial of the disk', 'IDTYPE=sys_serial IDNAME=data DEVNAME=/dev/vdb PVID=Abcdef0123', ''],
    ['the name, which LVM replaces by a search for the PVID', 'IDTYPE=devname IDNAME=/dev/sdb PVID=Abcdef0123', ''],
    ['no use of the file', VMWARE, 'use_devicesfile = 0'],
    ['an LVM that searches all PVIDs where the file has no PRODUCT_UUID', VMWARE, '# device_ids_refresh = 1'],
  ])("has the id of VMware's disk, against %s", async (_, entry, conf) => {
    await expectOneFault(withEntry(VMWARE), { file: DEVICES, line: 2, reason }, withEntry(entry, conf));
  });

  test('does not have the physical volume', async () => {
    await expectOneFault(
      withEntry('IDTYPE=devname IDNAME=/dev/sda2 DEVNAME=/dev/sda2 PVID=other'),
      { file: DEVICES, reason: /does not have \/dev\/vdb/ },
      withEntry('IDTYPE=devname IDNAME=/dev/vdb DEVNAME=/dev/vdb PVID=.'),
    );
  });

  test('has another serial than the virtio disk', async () => {
    await expectOneFault(
      withEntry('IDTYPE=sys_serial IDNAME=other PVID=Abcdef0123'),
      { file: DEVICES, line: 2, reason: /as sys_serial other, which no disk of the target has/ },
      withEntry('IDTYPE=sys_serial IDNAME=data PVID=Abcdef0123'),
    );
  });

  test('is for a machine with a PRODUCT_UUID that may be that of the target', async () => {
    expect(await verdictOf(withEntry(`PRODUCT_UUID=564d\n${VMWARE}`, '# device_ids_refresh = 1'))).toBe('unknown');
  });

  test('makes LVM ignore the filters', async () => {
    expect(await verdictOf(withEntry('IDTYPE=devname IDNAME=/dev/vdb PVID=Abcdef0123', 'filter = [ "r|.*|" ]'))).toBe(
      'ready',
    );
  });

  test('is not used by a distribution without it as its default', async () => {
    const entry = { ...FILES, [DEVICES]: `${VMWARE}\n` };
    expect(await verdictOf(subjectOf(entry, { devices: [ROOT, PV, LV] }))).toBe('ready');
    expect(await verdictOf(subjectOf(entry, { devices: [ROOT, PV, LV], system: RHEL }))).toBe('not-ready');
  });
});
