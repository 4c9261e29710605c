import { expect, test } from '@jest/globals';
import type { BlockDevice } from '../../../../src/guest/guest.ts';
import { DATA, FSTAB, ROOT, expectOneFault, faultsOf, subjectOf, verdictOf } from './contract.ts';

const FILE = '/etc/crypttab';
const CLOSED: BlockDevice = { ...DATA, type: 'crypto_LUKS' };
const OPENED: BlockDevice = { name: '/dev/mapper/secret', type: 'xfs', uuid: 'inside' };
const withEntry = (line: string, content = {}) =>
  subjectOf({ [FILE]: `${line}\n`, ...content }, { devices: [ROOT, CLOSED, OPENED] });

test.each([
  ['secret /dev/sdb1 none luks', /there is no \/dev\/sdb1/, 'secret UUID=bbbb-1 none luks'],
  ['secret UUID=aaaa-1 none luks', /its content is ext4, not crypto_LUKS/, 'secret UUID=aaaa-1 /dev/urandom swap'],
  [
    'secret UUID=bbbb-1 /keys/data luks',
    /key file \/keys\/data of secret does not exist/,
    'secret UUID=bbbb-1 - luks,noauto',
  ],
  [
    'secret UUID=bbbb-1 none keyscript=/x',
    /script \/x, which does not exist/,
    'secret UUID=bbbb-1 none nofail,keyscript=/x',
  ],
  ['secret UUID=bbbb-1 /key:UUID=gone luks', /no device has the UUID gone/, 'secret UUID=bbbb-1 /key:UUID=aaaa-1 luks'],
  ['secret UUID=bbbb-1 none tpm2-device=auto', /sealed in the TPM/, 'secret UUID=bbbb-1 - luks'],
])('%s', async (wrong, reason, right) => {
  await expectOneFault(withEntry(wrong), { file: FILE, line: 1, reason }, withEntry(right));
});

test.each([
  ['secret UUID=bbbb-1 /etc/keys/data luks', '/etc/keys/data'],
  ['secret UUID=bbbb-1 data luks,keyscript=decrypt_gnupg', '/lib/cryptsetup/scripts/decrypt_gnupg'],
])('a key that exists: %s', async (line, path) => {
  expect(await verdictOf(withEntry(line, { [path]: 'x' }))).toBe('ready');
});

test('a file system in a volume that cannot be opened is not found', async () => {
  const mount = { '/etc/fstab': `${FSTAB}/dev/mapper/secret /srv xfs defaults 0 0\n` };
  expect(await faultsOf(withEntry('secret /dev/sdb1 none luks', mount))).toEqual([
    expect.stringContaining(
      '/etc/fstab:2 /srv is on /dev/mapper/secret: crypttab opens secret from /dev/sdb1: there is no',
    ),
    expect.stringContaining('/etc/crypttab:1 the encrypted volume secret is on /dev/sdb1: there is no'),
  ]);
  expect(await verdictOf(withEntry('secret UUID=bbbb-1 none luks', mount))).toBe('ready');
});

test('encrypted swap space is made at every start', async () => {
  const mount = { '/etc/fstab': `${FSTAB}/dev/mapper/cryptswap none swap sw 0 0\n` };
  expect(await verdictOf(withEntry('cryptswap UUID=bbbb-1 /dev/urandom swap', mount))).toBe('ready');
  expect(await verdictOf(withEntry('cryptswap UUID=bbbb-1 - luks', mount))).toBe('unknown');
  expect(await verdictOf(withEntry('cryptswap /dev/sdb1 /dev/urandom swap', mount))).toBe('not-ready');
});
