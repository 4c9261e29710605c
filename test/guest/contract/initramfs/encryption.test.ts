import { expect, test } from '@jest/globals';
import type { BootSubject } from '../../../../src/guest/contract/boot-check.ts';
import { checkInitramfs } from '../../../../src/guest/contract/initramfs/check-initramfs.ts';
import { faultsOf, onlyFault } from '../boot-entries/faults.ts';
import type { TreeContent } from '../tree-of-files.ts';
import { guestBooting, IMAGE, initramfsTree } from './debian-initramfs.ts';

const LUKS = '55555555-aaaa-4bbb-8ccc-000000000005';
/** The root is in LUKS on the second partition, and /boot is on the first. */
const ENCRYPTED: Partial<BootSubject> = {
  devices: [
    { name: '/dev/sda1', disk: 0, partition: 1, type: 'ext2', uuid: '33333333-aaaa-4bbb-8ccc-000000000003' },
    { name: '/dev/sda2', disk: 0, partition: 2, type: 'crypto_LUKS', uuid: LUKS, partUuid: '22222222-02' },
    { name: '/dev/mapper/sda2_crypt', type: 'ext4', uuid: '11111111-aaaa-4bbb-8ccc-000000000001' },
  ],
  mounts: [
    { mountable: '/dev/mapper/sda2_crypt', path: '/' },
    { mountable: '/dev/sda1', path: '/boot' },
  ],
};
const CRYPTSETUP = { '/usr/sbin/cryptsetup': 'program' };
const ROOT = { root: '/dev/mapper/sda2_crypt' };
const ROOT_CRYPTTAB = { '/etc/crypttab': `sda2_crypt UUID=${LUKS} none luks\n` };

async function check(
  initramfs: TreeContent,
  { root, words }: { root: string; words?: string } = ROOT,
  missing: string[] = [],
) {
  const tree = initramfsTree(missing, { ...CRYPTSETUP, ...initramfs });
  return await checkInitramfs(
    guestBooting({ root, ...(words === undefined ? {} : { words }) }, tree, ENCRYPTED, ROOT_CRYPTTAB),
  );
}

test('an initramfs of Debian that opens the root is ready', async () => {
  expect(faultsOf(await check({ '/cryptroot/crypttab': `sda2_crypt UUID=${LUKS} none luks,discard\n` }))).toEqual([]);
  const old = `target=sda2_crypt,source=UUID=${LUKS},key=none,rootdev\n`;
  expect(faultsOf(await check({ '/conf/conf.d/cryptroot': old }))).toEqual([]);
});

test('an empty crypttab with an encrypted root is not ready', async () => {
  const checks = await check({ '/cryptroot/crypttab': '' }, { root: 'UUID=11111111-aaaa-4bbb-8ccc-000000000001' });
  expect(onlyFault(checks)).toEqual({
    verdict: 'not-ready',
    fault: `${IMAGE}:/cryptroot/crypttab In the initramfs neither crypttab nor a parameter of the kernel command line opens /dev/sda2, an encrypted device that the root file system is on.`,
  });
});

test('an initramfs that has no crypttab for an encrypted root is not ready', async () => {
  const checks = await check({}, { root: 'UUID=11111111-aaaa-4bbb-8ccc-000000000001' });
  expect(onlyFault(checks).fault).toContain('The initramfs has no crypttab');
});

test('words of the command line open the root for dracut and mkinitcpio', async () => {
  const root = `/dev/mapper/luks-${LUKS}`;
  expect(faultsOf(await check({}, { root, words: `rd.luks.uuid=luks-${LUKS}` }))).toEqual([]);
  expect(faultsOf(await check({}, { root: '/dev/mapper/r', words: `rd.luks.name=${LUKS}=r` }))).toEqual([]);
  expect(
    faultsOf(await check({}, { root: '/dev/mapper/r', words: `cryptdevice=UUID=${LUKS}:r:allow-discards` })),
  ).toEqual([]);
});

test('a crypttab that names VMware’s disk is not ready', async () => {
  const tree = { '/cryptroot/crypttab': 'sda2_crypt /dev/sda2 none luks\n' };
  const checks = await check(tree, { root: 'UUID=11111111-aaaa-4bbb-8ccc-000000000001' });
  expect(onlyFault(checks)).toMatchObject({
    verdict: 'not-ready',
    fault: expect.stringMatching(/initrd.img-.*:\/cryptroot\/crypttab:1 .*sda2_crypt is on \/dev\/sda2: there is no/),
  });
});

test('a volume that the initramfs opens under another name than the root’s is not ready', async () => {
  const checks = await check({ '/cryptroot/crypttab': `luks-${LUKS} UUID=${LUKS} none luks\n` });
  expect(onlyFault(checks)).toMatchObject({
    verdict: 'not-ready',
    fault: expect.stringContaining('root=/dev/mapper/sda2_crypt leads to no device in the initramfs'),
  });
});

test('a key file that is not in the initramfs is not ready', async () => {
  const crypttab = `sda2_crypt UUID=${LUKS} /cryptroot/keyfiles/sda2_crypt.key luks\n`;
  const key = { '/cryptroot/keyfiles/sda2_crypt.key': 'key' };
  expect(faultsOf(await check({ '/cryptroot/crypttab': crypttab, ...key }))).toEqual([]);
  expect(onlyFault(await check({ '/cryptroot/crypttab': crypttab }))).toMatchObject({
    verdict: 'not-ready',
    fault: expect.stringContaining('is not in the initramfs'),
  });
});

test('a script that gives the key must be in the initramfs', async () => {
  const crypttab = `sda2_crypt UUID=${LUKS} none luks,keyscript=/lib/cryptsetup/scripts/ask\n`;
  const script = { '/usr/lib/cryptsetup/scripts/ask': 'program' };
  expect(faultsOf(await check({ '/cryptroot/crypttab': crypttab, ...script }))).toEqual([]);
  expect(onlyFault(await check({ '/cryptroot/crypttab': crypttab }))).toMatchObject({
    verdict: 'not-ready',
    fault: expect.stringContaining('comes from /lib/cryptsetup/scripts/ask, which is not in the initramfs'),
  });
});

test('a device with the key must be one of the VM’s', async () => {
  const crypttab = (device: string) => ({ '/etc/crypttab': `sda2_crypt UUID=${LUKS} /key:${device} luks\n` });
  expect(faultsOf(await check(crypttab('UUID=33333333-aaaa-4bbb-8ccc-000000000003')))).toEqual([]);
  expect(onlyFault(await check(crypttab('/dev/sdb1')))).toMatchObject({
    verdict: 'not-ready',
    fault: expect.stringContaining('The key of sda2_crypt is on /dev/sdb1: there is no /dev/sdb1'),
  });
});

test('a key on a token cannot be judged', async () => {
  const crypttab = { '/etc/crypttab': `sda2_crypt UUID=${LUKS} none fido2-device=auto\n` };
  expect(onlyFault(await check(crypttab))).toMatchObject({
    verdict: 'unknown',
    fault: expect.stringContaining('is on a token'),
  });
});

test('a key in the TPM of the source is not ready', async () => {
  const crypttab = `sda2_crypt UUID=${LUKS} none tpm2-device=auto\n`;
  expect(onlyFault(await check({ '/etc/crypttab': crypttab })).fault).toContain('sealed in the TPM');
});

test('an initramfs without cryptsetup is not ready', async () => {
  const crypttab = {
    '/cryptroot/crypttab': `sda2_crypt UUID=${LUKS} none luks\n`,
    '/usr/sbin/cryptsetup': { folder: true } as const,
  };
  expect(onlyFault(await check(crypttab))).toMatchObject({
    verdict: 'not-ready',
    fault: expect.stringContaining('has no cryptsetup or systemd-cryptsetup'),
  });
});

test('an initramfs without dm-crypt is not ready', async () => {
  const crypttab = { '/cryptroot/crypttab': `sda2_crypt UUID=${LUKS} none luks\n` };
  expect(onlyFault(await check(crypttab, ROOT, ['dm-crypt'])).fault).toContain('dm_crypt is neither');
});
