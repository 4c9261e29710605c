import { expect, test } from '@jest/globals';
import { parseCrypttab } from '../../../src/guest/config/crypttab.ts';
import { matchesAlternatives, matchesGlob } from '../../../src/guest/config/glob.ts';
import { parseMdadmConf } from '../../../src/guest/config/mdadm-conf.ts';
import {
  isBlacklisted,
  parseMultipathAliases,
  parseMultipathBindings,
  parseMultipathWwids,
} from '../../../src/guest/config/multipath-conf.ts';
import { parseUdevRules } from '../../../src/guest/config/udev-rules.ts';

test.each([
  ['sd?', 'sda', true],
  ['sd?', 'sda1', false],
  ['sd*', 'sd', true],
  ['[sv]d[a-c]', 'vdb', true],
  ['[!s]da', 'sda', false],
  ['*a*b', 'xaxab', true],
  ['*a*b', 'xaxac', false],
  ['en*', 'eth0', false],
  ['a\\*', 'a*', true],
])('glob %s on %s: %s', (glob, text, expected) => {
  expect(matchesGlob(glob, text)).toBe(expected);
});

test('a glob of paths does not cross a slash, and alternatives are separated by a bar', () => {
  expect([matchesGlob('/dev/*', '/dev/vda', 'path'), matchesGlob('/dev/*', '/dev/disk/x', 'path')]).toEqual([
    true,
    false,
  ]);
  expect([matchesAlternatives('sd*|vd*', 'vda'), matchesAlternatives('sd*|hd*', 'vda')]).toEqual([true, false]);
});

test('many stars take no time', () => {
  expect(matchesGlob(`${'*a'.repeat(200)}b`, 'a'.repeat(2000))).toBe(false);
});

test('reads crypttab', () => {
  expect(
    parseCrypttab('# name source\nroot UUID=1-2 none luks,discard\nswap /dev/sda3 /dev/urandom swap\nbad\n'),
  ).toEqual([
    { name: 'root', source: 'UUID=1-2', keyFile: undefined, options: ['luks', 'discard'], line: 2 },
    { name: 'swap', source: '/dev/sda3', keyFile: '/dev/urandom', options: ['swap'], line: 3 },
  ]);
});

test('reads mdadm.conf with shortened keywords and continued lines', () => {
  const conf = parseMdadmConf(
    'DEV /dev/sd*\n  /dev/hd*\narray root UUID=1:2\n    devices=/dev/a,/dev/b # two\nARRAY <ignore> UUID=3:4\n',
  );
  expect(conf.devicePatterns).toEqual([
    { pattern: '/dev/sd*', line: 1 },
    { pattern: '/dev/hd*', line: 1 },
  ]);
  expect(conf.arrays.map(({ name, devices, isIgnored }) => ({ name, devices, isIgnored }))).toEqual([
    { name: '/dev/md/root', devices: ['/dev/a', '/dev/b'], isIgnored: false },
    { name: undefined, devices: [], isIgnored: true },
  ]);
});

test('reads the names of multipath', () => {
  const conf = 'multipaths {\n  multipath {\n    wwid 36000c29a\n    alias data # ours\n  }\n}\n';
  expect(parseMultipathAliases(conf)).toEqual([{ name: 'data', wwid: '36000c29a', line: 4 }]);
  expect(parseMultipathBindings('# x\nmpatha 36000c29a\n')).toEqual([{ name: 'mpatha', wwid: '36000c29a', line: 2 }]);
  expect(parseMultipathWwids('# x\n/36000c29a/\n')).toEqual([{ wwid: '36000c29a', line: 2 }]);
});

test('reads rules of udev over several lines', () => {
  const [rule, ...more] = parseUdevRules('# x\n\nKERNEL=="sd?", \\\n ENV{ID_SERIAL}=="36000c29a", SYMLINK+="data"\n');
  expect(more).toEqual([]);
  expect(rule).toEqual({
    line: 3,
    tokens: [
      { key: 'KERNEL', attribute: undefined, operator: '==', value: 'sd?' },
      { key: 'ENV', attribute: 'ID_SERIAL', operator: '==', value: '36000c29a' },
      { key: 'SYMLINK', attribute: undefined, operator: '+=', value: 'data' },
    ],
  });
});

const ON_KVM = { devnode: 'sda', vendor: 'QEMU', product: 'QEMU HARDDISK' };

test.each([
  ['of all disks', 'blacklist {\n  wwid ".*"\n}\n', true],
  ['of SCSI disks', 'blacklist {\n  devnode "^sd[a-z]"\n}\n', true],
  ['of QEMU’s disks', 'blacklist {\n  device {\n    vendor "QEMU"\n    product "QEMU HARDDISK"\n  }\n}\n', true],
  ['of QEMU’s disks on one line', 'blacklist { device { vendor "QEMU" product "QEMU HARDDISK" } }\n', true],
  ['of another maker', 'blacklist {\n  device {\n    vendor "IBM"\n  }\n}\n', false],
  ['of virtio disks and one WWID', 'blacklist {\n  devnode "^vd[a-z]"\n  wwid 36000c29a\n}\n', false],
  ['in a comment', '# blacklist {\n# wwid ".*"\n# }\n', false],
  ['of exceptions', 'blacklist_exceptions {\n  devnode "^sd[a-z]"\n}\n', false],
])('a blacklist %s', (_what, conf, expected) => {
  expect(isBlacklisted(conf, ON_KVM)).toBe(expected);
});
