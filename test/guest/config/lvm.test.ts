import { describe, expect, test } from '@jest/globals';
import { filterAdmits, parseLvmConfig, type LvmConfig } from '../../../src/guest/config/lvm-config.ts';
import { parseDevicesFile } from '../../../src/guest/config/lvm-devices-file.ts';

/**
 * Whether both filters of the configuration accept a device with these paths; undefined if a filter cannot be parsed.
 */
function lvmAdmits(config: LvmConfig, paths: readonly string[]): boolean | undefined {
  const results = new Set([config.filter, config.globalFilter].map((filter) => filterAdmits(filter, paths)));
  if (results.has(false)) return false;
  return results.has(undefined) ? undefined : true;
}

describe('filters of lvm.conf', () => {
  const conf = (setting: string) => parseLvmConfig(`devices {\n\t${setting}\n}\n`);

  test.each([
    ['global_filter = [ "a|^/dev/sd|", "r|.*|" ]', ['/dev/vda2'], false],
    ['global_filter = [ "a|^/dev/sd|", "r|.*|" ]', ['/dev/sda2'], true],
    ['filter = [ "a|^/dev/vd|", "a|^/dev/md|", "r|.*|" ]', ['/dev/vda2'], true],
    // The first matching pattern decides, in list order.
    ['filter = [ "r|/dev/vda|", "a|.*|" ]', ['/dev/vda2'], false],
    ['filter = [ "a|.*|", "r|/dev/vda|" ]', ['/dev/vda2'], true],
    // One accepted path is sufficient.
    ['filter = [ "a|/dev/disk/by-id/lvm-pv-uuid-.*|", "r|.*|" ]', ['/dev/vda2', '/dev/disk/by-id/lvm-pv-uuid-X'], true],
    // A path that matches no pattern is accepted.
    ['filter = [ "r|^/dev/cdrom$|" ]', ['/dev/vda2'], true],
    ['filter = [ "a/sd.*/", "r/.*/" ]', ['/dev/vda2'], false],
    ['# filter = [ "r|.*|" ]', ['/dev/vda2'], true],
    ['filter = "r|.*|"', ['/dev/vda2'], false],
    ['filter = [ "a|((x+)+)+|" ]', ['/dev/vda2'], undefined],
  ])('%s on %j: %s', (setting, paths, expected) => {
    expect(lvmAdmits(conf(setting), paths)).toBe(expected);
  });

  test('a list may be on several lines, and another section does not count', () => {
    const text =
      'other {\n filter = [ "r|.*|" ]\n}\ndevices {\n  filter = [\n    "a|^/dev/sd[a-z]|", # VMware\n    "r|.*|"\n  ]\n}\n';
    expect(lvmAdmits(parseLvmConfig(text), ['/dev/vda'])).toBe(false);
    expect(parseLvmConfig(text).filter?.line).toBe(5);
    expect(lvmAdmits(parseLvmConfig('other { filter = [ "r|.*|" ] }\n'), ['/dev/vda'])).toBe(true);
    expect(lvmAdmits(parseLvmConfig('devices/filter = [ "r|.*|" ]\n'), ['/dev/vda'])).toBe(false);
  });
});

test('the use of a devices file is set, or documented as the default', () => {
  expect(parseLvmConfig('devices {\n use_devicesfile = 0\n}\n').useDevicesFile).toBe(false);
  expect(parseLvmConfig('devices {\n # use_devicesfile = 1\n}\n').useDevicesFile).toBe(true);
  expect(parseLvmConfig('devices {\n}\n').useDevicesFile).toBeUndefined();
});

test('reads the entries of a devices file', () => {
  const text =
    '# LVM uses devices listed in this file.\nVERSION=1.1.2\nPRODUCT_UUID=564d0000\nIDTYPE=sys_wwid IDNAME=naa.6000c29a DEVNAME=/dev/sda2 PVID=abcdef PART=2\nIDTYPE=devname IDNAME=. DEVNAME=. PVID=ghijkl\n';
  expect(parseDevicesFile(text)).toEqual({
    productUuid: '564d0000',
    entries: [
      { idType: 'sys_wwid', idName: 'naa.6000c29a', devName: '/dev/sda2', pvId: 'abcdef', partition: 2, line: 4 },
      { idType: 'devname', idName: '.', devName: undefined, pvId: 'ghijkl', partition: undefined, line: 5 },
    ],
  });
});
