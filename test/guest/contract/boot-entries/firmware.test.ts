import { expect, test } from '@jest/globals';
import type { BootSubject } from '../../../../src/guest/contract/boot-check.ts';
import { checkBootEntries } from '../../../../src/guest/contract/boot-entries/check-boot-entries.ts';
import { bootSector, bootSubject, type TreeContent } from '../tree-of-files.ts';
import { debianGrubCfg, debianTree, ROOT_UUID, VERSION } from './debian-grub.ts';
import { faultsOf, onlyFault } from './faults.ts';
import { GRUB_EFI, makePe, shim } from './make-pe.ts';

const { devices, hardware } = bootSubject({});
const ESP = { name: '/dev/sda15', disk: 0, partition: 15, type: 'vfat', uuid: 'ABCD-1234' };
const KERNEL = `/boot/vmlinuz-${VERSION}`;

function uefi(secureBoot = false): Partial<BootSubject> {
  return {
    hardware: { ...hardware, firmware: 'uefi', secureBoot },
    devices: [...devices, ESP],
    mounts: [
      { mountable: '/dev/sda1', path: '/' },
      { mountable: '/dev/sda15', path: '/boot/efi' },
    ],
  };
}

/** The stub configuration that Debian's `grub-install` writes to the ESP. */
const STUB = `search.fs_uuid ${ROOT_UUID} root \nset prefix=($root)'/boot/grub'\nconfigfile $prefix/grub.cfg\n`;
const FALLBACK = '/boot/efi/EFI/BOOT/BOOTX64.EFI';

async function check(content: TreeContent, subject = uefi()) {
  return await checkBootEntries(bootSubject(debianTree(debianGrubCfg(), content), subject));
}

test('a UEFI guest whose fallback is GRUB is ready, through the small grub.cfg of the ESP', async () => {
  const checks = await check({ [FALLBACK]: GRUB_EFI, '/boot/efi/EFI/debian/grub.cfg': STUB });
  expect(faultsOf(checks)).toEqual([]);
  expect(checks[0]?.reason).toBe(`The firmware starts ${FALLBACK} (grub).`);
  expect(checks.some(({ reason }) => reason.includes(`the kernel ${KERNEL} is there`))).toBe(true);
});

test('a small grub.cfg whose search finds nothing is not ready', async () => {
  const stub = STUB.replace(ROOT_UUID, '77777777-aaaa-4bbb-8ccc-000000000007');
  const faults = faultsOf(await check({ [FALLBACK]: GRUB_EFI, '/boot/efi/EFI/debian/grub.cfg': stub }));
  expect(faults[0]).toMatch(
    /^\/boot\/efi\/EFI\/debian\/grub\.cfg:3 GRUB continues with .*which is not there: search finds no device with the UUID 7777/,
  );
});

test('a UEFI guest without a fallback loader is not ready', async () => {
  expect(onlyFault(await check({ '/boot/efi/EFI/debian/grubx64.efi': GRUB_EFI }))).toEqual({
    verdict: 'not-ready',
    fault: `${FALLBACK} There is no ${FALLBACK}, which the firmware of a VM without UEFI variables starts.`,
  });
});

test('a fallback that is not a program is not ready', async () => {
  expect(onlyFault(await check({ [FALLBACK]: 'MZ and no more' })).fault).toContain('is not a program for UEFI');
});

test('a UEFI guest without an ESP is not ready', async () => {
  const subject = { hardware: { ...hardware, firmware: 'uefi' as const } };
  expect(onlyFault(await check({}, subject)).fault).toContain('There is no EFI system partition');
});

test('a shim without a second stage is not ready', async () => {
  expect(onlyFault(await check({ [FALLBACK]: shim(true) })).fault).toContain(
    'starts grubx64.efi in its own folder, which does not exist',
  );
  expect(faultsOf(await check({ [FALLBACK]: shim(true), '/boot/efi/EFI/BOOT/grubx64.efi': GRUB_EFI }))).toEqual([]);
});

test('a shim starts what the list of a distribution’s folder names', async () => {
  const csv = Buffer.from('\uFEFFshimx64.efi,debian,,This is the boot entry\n', 'utf16le');
  const tree = {
    [FALLBACK]: shim(true),
    '/boot/efi/EFI/BOOT/fbx64.efi': GRUB_EFI,
    '/boot/efi/EFI/debian/BOOTX64.CSV': csv,
  };
  const files = { '/boot/efi/EFI/debian/shimx64.efi': shim(true), '/boot/efi/EFI/debian/grubx64.efi': GRUB_EFI };
  const checks = await check({ ...tree, ...files });
  expect(faultsOf(checks)).toEqual([]);
  expect(checks.map(({ reason }) => reason)).toContain('The shim starts /boot/efi/EFI/debian/grubx64.efi.');
});

const SIGNED_GRUB = makePe({ '.text': 'code', '.sbat': 'grub,4,x\n' }, { isSigned: true });
const SECURE = {
  [FALLBACK]: shim(true),
  '/boot/efi/EFI/BOOT/grubx64.efi': SIGNED_GRUB,
  [KERNEL]: makePe({}, { isSigned: true }),
};

test('with secure boot shim, GRUB and kernel must be signed', async () => {
  const fault = async (changes: TreeContent) => onlyFault(await check({ ...SECURE, ...changes }, uefi(true)));
  expect(await fault({})).toEqual({ verdict: 'ready', fault: undefined });
  expect((await fault({ [FALLBACK]: shim(false) })).fault).toMatch(/BOOTX64\.EFI has no signature/);
  expect((await fault({ '/boot/efi/EFI/BOOT/grubx64.efi': GRUB_EFI })).fault).toMatch(/grubx64\.efi has no signature/);
  expect((await fault({ [KERNEL]: makePe({}) })).fault).toMatch(/vmlinuz-.* has no signature/);
  // Not a shim, and signed with its own key, as systemd-boot is.
  expect(await fault({ [FALLBACK]: SIGNED_GRUB })).toMatchObject({ verdict: 'unknown' });
  expect(faultsOf(await check({ ...SECURE, [FALLBACK]: shim(false) }))).toEqual([]);
});

test('a BIOS guest without boot code is not ready', async () => {
  const from = (...sectors: Buffer[]): Partial<BootSubject> => ({
    hardware: { ...hardware, disks: sectors.map(() => ({ driver: 'virtio_blk', names: 'vd' as const })) },
    readDisk: async (disk) => sectors[disk] ?? Buffer.alloc(0),
  });
  expect(onlyFault(await check({}, from(Buffer.alloc(512))))).toMatchObject({
    verdict: 'not-ready',
    fault: expect.stringContaining('No disk has boot code'),
  });
  expect(onlyFault(await check({}, from(bootSector('')))).verdict).toBe('not-ready');
  expect(onlyFault(await check({}, from(Buffer.alloc(512), bootSector()))).fault).toContain(
    'Only disk 2 has boot code',
  );
  expect(onlyFault(await check({}, { readDisk: undefined })).verdict).toBe('unknown');
});

test('the boot code decides which of two loaders starts; else it is not known', async () => {
  const extlinux = {
    '/boot/extlinux/extlinux.conf': `default l0\nlabel l0\n  linux /boot/none\n  append root=UUID=${ROOT_UUID}\n`,
  };
  expect(onlyFault(await check(extlinux, {})).verdict).toBe('ready');
  const fault = onlyFault(
    await check(extlinux, { readDisk: async () => bootSector('Missing operating system.') }),
  ).fault;
  expect(fault).toContain('the kernel /boot/none cannot be loaded');
  const unknown = await check(extlinux, { hardware: { ...hardware, firmware: undefined } });
  expect(onlyFault(unknown).fault).toContain('Which boot loader starts is not known');
});
