import { describe, expect, test } from '@jest/globals';
import { checkMounts } from '../../../../src/guest/contract/mounts.ts';
import type { BlockDevice } from '../../../../src/guest/guest.ts';
import { FSTAB, ROOT, SCSI, expectOneFault, faultsOf, subjectOf, verdictOf } from './contract.ts';

describe('arrays', () => {
  const member = (disk: number): BlockDevice => ({
    name: `/dev/sd${disk === 0 ? 'a' : 'b'}2`,
    disk,
    partition: 2,
    type: 'linux_raid_member',
    uuid: '11111111-2222-3333-4444-555555555555',
  });
  const ARRAY: BlockDevice = {
    name: '/dev/md127',
    type: 'xfs',
    uuid: 'inside',
    arrayUuid: '11111111:22223333:44445555:55555555',
    arrayName: 'data',
  };
  const FILE = '/etc/mdadm/mdadm.conf';
  const withConf = (conf: string, missingMembers = 0) =>
    subjectOf(
      { '/etc/fstab': `${FSTAB}UUID=inside /srv xfs defaults 0 0\n`, [FILE]: conf },
      { devices: [ROOT, member(0), member(1), { ...ARRAY, missingMembers }] },
    );

  test('DEVICE of mdadm.conf', async () => {
    expect(await faultsOf(withConf('DEVICE /dev/sd*\n'))).toEqual([
      `${FILE}:1 DEVICE of mdadm.conf does not name /dev/vda2, a member of /dev/md/data.`,
      `${FILE}:1 DEVICE of mdadm.conf does not name /dev/vdb2, a member of /dev/md/data.`,
    ]);
    for (const conf of ['DEVICE partitions\n', 'DEVICE /dev/sd* /dev/vd*\n', '']) {
      expect(await verdictOf(withConf(conf))).toBe('ready');
    }
  });

  test('an array without one of its members', async () => {
    const reason = /data is not complete: 1 of its members/;
    await expectOneFault(withConf('', 1), { file: FILE, reason }, withConf('', 0));
  });

  test('an array that nothing waits for does not matter', async () => {
    const subject = withConf('DEVICE /dev/sd*\n');
    const unused = subjectOf({ [FILE]: 'DEVICE /dev/sd*\n' }, { devices: [...subject.devices] });
    expect(await verdictOf(unused)).toBe('ready');
  });
});

describe('rules and multipath', () => {
  const FILE = '/etc/udev/rules.d/99-data.rules';
  const BY_SCSI_ID =
    'KERNEL=="sd?1", PROGRAM=="/lib/udev/scsi_id -g -u /dev/$parent", RESULT=="36000c29f0f0f", SYMLINK+="asm/data"\n';
  const mounted = (spec: string, content = {}) =>
    subjectOf({ '/etc/fstab': `${FSTAB}${spec} /srv xfs defaults 0 0\n`, ...content });

  test("a link of a rule on the SCSI id of VMware's disk does not count unless fstab names it", async () => {
    const right = 'ENV{ID_FS_UUID}=="bbbb-1", SYMLINK+="asm/data"\n';
    const unused = subjectOf({ [FILE]: BY_SCSI_ID });
    expect(await verdictOf(unused)).toBe('ready');
    expect((await checkMounts(unused)).find(({ file }) => file === FILE)).toMatchObject({
      verdict: 'not-ready',
      isAdvisory: true,
      line: 1,
      reason: expect.stringMatching(/\/dev\/asm\/data.*matches no device/),
    });
    expect(await faultsOf(mounted('/dev/asm/data', { [FILE]: BY_SCSI_ID }))).toEqual([
      expect.stringMatching(/^\/etc\/fstab:2 .*99-data.rules, line 1\) matches no device/),
    ]);
    expect(await verdictOf(mounted('/dev/asm/data', { [FILE]: right }))).toBe('ready');
  });

  test('fstab by a name of multipath', async () => {
    const bindings = { '/etc/multipath/bindings': 'mpatha 36000c29f0f0f\n' };
    await expectOneFault(
      mounted('/dev/mapper/mpatha-part1', bindings),
      { file: '/etc/fstab', line: 2, reason: /multipath calls the disk with the WWID 36000c29f0f0f so/ },
      mounted('UUID=bbbb-1', bindings),
    );
  });

  test('multipath may take SCSI disks with one path', async () => {
    const conf = { '/etc/multipath.conf': 'defaults {\n find_multipaths no\n}\n' };
    expect(await verdictOf(subjectOf(conf))).toBe('ready');
    expect(await verdictOf(subjectOf(conf, { disks: SCSI }))).toBe('unknown');
  });
});
