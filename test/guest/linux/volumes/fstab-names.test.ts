import { expect, test } from '@jest/globals';
import { renameInTable } from '../../../../src/guest/linux/volumes/fstab-names.ts';
import { optionValue, readFstab } from '../../../../src/guest/inspect/disks/fstab.ts';

const DEBIAN = `# /etc/fstab: static file system information.
#
# <file system> <mount point>   <type>  <options>       <dump>  <pass>
# / was on /dev/sda1 during installation
/dev/sda1\t/               ext4    errors=remount-ro 0       1
  /dev/sda5 none            swap    sw              0       0
/dev/sr0        /media/cdrom0   udf,iso9660 user,noauto     0       0
UUID=aa-bb /boot ext2 defaults 0 2

`;

test('only the names change: spaces, tabs, comments and the last line stay to the byte', () => {
  const { text, renamed } = renameInTable(DEBIAN, 0, ([spec]) =>
    spec?.startsWith('/dev/sda') ? `UUID=${spec.slice(-1)}` : undefined,
  );
  expect(text).toBe(DEBIAN.replace('/dev/sda1\t', 'UUID=1\t').replace('  /dev/sda5 none', '  UUID=5 none'));
  expect(renamed).toEqual([
    { from: '/dev/sda1', to: 'UUID=1' },
    { from: '/dev/sda5', to: 'UUID=5' },
  ]);
});

test('the device of a crypttab is its second field', () => {
  const before = '# comment /dev/sda9\nsda3_crypt /dev/sda3 none luks,discard\nshort\n';
  const { text } = renameInTable(before, 1, ([, spec]) => (spec === '/dev/sda3' ? 'UUID=x' : undefined));
  expect(text).toBe('# comment /dev/sda9\nsda3_crypt UUID=x none luks,discard\nshort\n');
});

test.each(['', '\n', '#', 'one', ' \t \n#\r\n'])('a table without entries stays: %j', (before) => {
  expect(renameInTable(before, 0, () => undefined).text).toBe(before);
});

test('reads entries as mount does', () => {
  expect(
    readFstab(`${DEBIAN}LABEL="a" /usr btrfs rw,subvol=/@usr,x=y`).map(({ spec, path, type }) => [spec, path, type]),
  ).toEqual([
    ['/dev/sda1', '/', 'ext4'],
    ['/dev/sda5', 'none', 'swap'],
    ['/dev/sr0', '/media/cdrom0', 'udf,iso9660'],
    ['UUID=aa-bb', '/boot', 'ext2'],
    ['LABEL=a', '/usr', 'btrfs'],
  ]);
  expect(optionValue(['rw', 'subvol=/@usr'], 'subvol')).toBe('/@usr');
  expect(optionValue(['subvolid=5'], 'subvol')).toBeUndefined();
});
