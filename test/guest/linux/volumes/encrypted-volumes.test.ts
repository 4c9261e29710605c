import { expect, test } from '@jest/globals';
import { encryptedVolumes } from '../../../../src/guest/linux/volumes/encrypted-volumes.ts';
import { plannedOn } from '../planned-on.ts';

const DEVICES = [
  { name: '/dev/sda1', disk: 0, partition: 1, type: 'ext4', uuid: 'aaaa' },
  { name: '/dev/sda2', disk: 0, partition: 2, type: 'crypto_LUKS', uuid: 'bbbb' },
];

async function warningsOf(crypttab: string, files: Record<string, string> = {}): Promise<string[]> {
  const opened = [{ device: '/dev/sda2', name: 'vault' }];
  const draft = await plannedOn({ '/etc/crypttab': crypttab, ...files }, encryptedVolumes, {
    devices: DEVICES,
    opened,
  });
  return draft.warnings;
}

test('a volume without a key is named', async () => {
  const { warnings } = await plannedOn({}, encryptedVolumes, { devices: DEVICES });
  expect(warnings).toEqual([
    '/dev/sda2 is encrypted (LUKS) and was not opened: what is in it was not checked. Give --key /dev/sda2:file:PATH.',
  ]);
});

test.each([
  ['a passphrase', 'vault UUID=bbbb none luks,discard\n'],
  ['a random key for swap', 'swap /dev/sda1 /dev/urandom swap\n'],
  ['a key derived from another volume', 'b UUID=bbbb vault luks,keyscript=/lib/cryptsetup/scripts/decrypt_derived\n'],
  ['a key file on another partition of the VM', 'b UUID=bbbb /key:UUID=aaaa luks\n'],
])('%s needs no warning', async (_what, crypttab) => {
  expect(await warningsOf(crypttab)).toEqual([]);
});

test.each([
  ['a key file that is missing', 'vault UUID=bbbb /etc/keys/vault luks\n', 'from /etc/keys/vault, which is not a file'],
  ['a key on a USB stick', 'vault UUID=bbbb /key:LABEL=stick luks\n', 'from LABEL=stick, which is not one of the VM'],
  ['a raw key on a stick', 'v UUID=bbbb /dev/disk/by-id/usb-Stick-0:0 luks\n', 'usb-Stick-0:0, which is not one of'],
  ['passdev', 'v UUID=bbbb /dev/disk/by-label/stick:/k luks,keyscript=passdev\n', 'by-label/stick, which is not one'],
  ['a script', 'v UUID=bbbb none luks,keyscript=/usr/local/sbin/ask-server\n', 'the script /usr/local/sbin/ask-server'],
  ['a TPM', 'v UUID=bbbb none luks,tpm2-device=auto\n', 'the TPM of the new VM is empty'],
])('%s is named', async (_what, crypttab, part) => {
  expect(await warningsOf(crypttab)).toEqual([expect.stringContaining(part)]);
});

test('a key file of the guest needs no warning', async () => {
  expect(await warningsOf('vault UUID=bbbb /etc/keys/vault luks\n', { '/etc/keys/vault': 'secret' })).toEqual([]);
});
