import { expect, test } from '@jest/globals';
import type { BootSubject } from '../../../../src/guest/contract/boot-check.ts';
import { checkBootEntries } from '../../../../src/guest/contract/boot-entries/check-boot-entries.ts';
import { readLoaderConfigs } from '../../../../src/guest/contract/boot-entries/loaders/loader-configs.ts';
import { checkInitramfs } from '../../../../src/guest/contract/initramfs/check-initramfs.ts';
import { guestWith, initramfsTree, MODULES } from '../initramfs/debian-initramfs.ts';
import { gzipped } from '../initramfs/make-initramfs.ts';
import { bootSector, bootSubject, type TreeContent } from '../tree-of-files.ts';
import { ROOT_UUID, VERSION, without } from './debian-grub.ts';
import { faultsOf, onlyFault } from './faults.ts';
import { makePe, SYSTEMD_BOOT_EFI } from './make-pe.ts';

const { devices, hardware } = bootSubject({});
const OLD = '6.1.0-18-amd64';
const SYSLINUX: Partial<BootSubject> = { readDisk: async () => bootSector('Missing operating system.') };

async function titles(content: TreeContent, subject: Partial<BootSubject>): Promise<string[]> {
  const { first } = await readLoaderConfigs(bootSubject(content, subject));
  return (first?.entries ?? []).map(({ title, isDefault }) => `${isDefault ? '* ' : ''}${title}`);
}

/** A tree with the configuration that Debian's `extlinux-update` writes. */
function extlinuxTree(words = `root=UUID=${ROOT_UUID} ro quiet`, main = 'default l0'): TreeContent {
  return {
    '/boot/extlinux/extlinux.conf': `## /boot/extlinux/extlinux.conf\n\n${main}\ndisplay boot.txt\nprompt 0\ntimeout 50\n\nINCLUDE linux.cfg\nmenu include themes/none.cfg\n`,
    '/boot/extlinux/linux.cfg': `label l0
	menu label Debian GNU/Linux, kernel ${VERSION}
	linux /boot/vmlinuz-${VERSION}
	initrd /boot/initrd.img-${VERSION}
	append ${words}

label l0r
	menu label Debian GNU/Linux, kernel ${VERSION} (recovery)
	kernel ../vmlinuz-${VERSION}
	append initrd=../initrd.img-${VERSION},../missing.img ${words} single
`,
    [`/boot/vmlinuz-${VERSION}`]: 'kernel',
    [`/boot/initrd.img-${VERSION}`]: 'initramfs',
  };
}

test('reads extlinux: INCLUDE, INITRD, APPEND, paths relative to its folder', async () => {
  const checks = await checkBootEntries(bootSubject(extlinuxTree(), SYSLINUX));
  expect(onlyFault(checks)).toEqual({ verdict: 'ready', fault: undefined });
  expect(faultsOf(checks)).toEqual([
    expect.stringMatching(/^\(advisory\) \/boot\/extlinux\/linux\.cfg:10 .*\.\.\/missing\.img cannot be loaded/),
  ]);
  expect(await titles(extlinuxTree(undefined, 'default l0r'), SYSLINUX)).toContain(
    `* Debian GNU/Linux, kernel ${VERSION} (recovery)`,
  );
  expect((await titles(extlinuxTree(undefined, 'ui vesamenu.c32\ndefault vesamenu.c32'), SYSLINUX))[0]).toMatch(/^\* /);
});

test('an entry of extlinux whose root is VMware’s disk is not ready', async () => {
  expect(onlyFault(await checkBootEntries(bootSubject(extlinuxTree('root=/dev/sda1 ro'), SYSLINUX)))).toEqual({
    verdict: 'not-ready',
    fault: expect.stringMatching(/^\/boot\/extlinux\/linux\.cfg:5 .*root=\/dev\/sda1 leads to no device/),
  });
});

test('an entry of extlinux whose kernel is missing is not ready', async () => {
  const tree = without(extlinuxTree(), `/boot/initrd.img-${VERSION}`);
  expect(onlyFault(await checkBootEntries(bootSubject(tree, SYSLINUX))).fault).toContain(
    'the initramfs /boot/initrd.img-',
  );
});

test('a configuration of extlinux that includes itself is unknown', async () => {
  const tree = extlinuxTree(undefined, 'INCLUDE extlinux.conf');
  const { first } = await readLoaderConfigs(bootSubject(tree, SYSLINUX));
  expect(first?.problems[0]?.reason).toBe('It includes itself without end.');
});

/** GRUB 0.97 as in RHEL 6 or an old Debian, with /boot on a separate partition. */
function legacyTree(chosen = 'default=1'): TreeContent {
  return {
    '/boot/grub/menu.lst': `# comment\n${chosen}\ntimeout=5\nsplashimage=(hd0,0)/grub/splash.xpm.gz\ntitle Old (${OLD})
	root (hd0,0)
	kernel /vmlinuz-${OLD} ro root=UUID=${ROOT_UUID}
	initrd /initrd.img-${OLD}
title New (${VERSION})
	root (hd0,0)
	kernel /vmlinuz-${VERSION} ro root=UUID=${ROOT_UUID} rhgb
	initrd /initrd.img-${VERSION}
`,
    [`/boot/vmlinuz-${VERSION}`]: 'kernel',
    [`/boot/initrd.img-${VERSION}`]: 'initramfs',
  };
}

const LEGACY: Partial<BootSubject> = {
  devices: [
    { name: '/dev/sda1', disk: 0, partition: 1, type: 'ext2', uuid: '33333333-aaaa-4bbb-8ccc-000000000003' },
    { name: '/dev/sda2', disk: 0, partition: 2, type: 'ext4', uuid: ROOT_UUID },
  ],
  mounts: [
    { mountable: '/dev/sda2', path: '/' },
    { mountable: '/dev/sda1', path: '/boot' },
  ],
};

test('reads GRUB legacy: the default by number, and devices from 0', async () => {
  expect(await titles(legacyTree(), LEGACY)).toEqual([`Old (${OLD})`, `* New (${VERSION})`]);
  const checks = await checkBootEntries(bootSubject(legacyTree(), LEGACY));
  expect(onlyFault(checks)).toEqual({ verdict: 'ready', fault: undefined });
  expect(faultsOf(checks)).toHaveLength(2);
  const saved = { ...legacyTree('default saved'), '/boot/grub/default': '0\n#\n' };
  expect((await titles(saved, LEGACY))[0]).toMatch(/^\* Old/);
});

const ESP = { name: '/dev/sda15', disk: 0, partition: 15, type: 'vfat', uuid: 'ABCD-1234' };
const UEFI: Partial<BootSubject> = {
  hardware: { ...hardware, firmware: 'uefi' },
  devices: [...devices, ESP],
  mounts: [
    { mountable: '/dev/sda1', path: '/' },
    { mountable: '/dev/sda15', path: '/boot/efi' },
  ],
};
const MACHINE = 'f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0';

/** A tree as systemd-boot's `kernel-install` writes it, with the machine ID in the paths. */
function systemdBootTree(words = `root=UUID=${ROOT_UUID} ro quiet`): TreeContent {
  const entry = (version: string): string =>
    `# Boot Loader Specification type#1 entry\ntitle      Debian ${version}\nversion    ${version}\nmachine-id ${MACHINE}\nsort-key   debian\noptions    ${words} systemd.machine_id=${MACHINE}\nlinux      /${MACHINE}/${version}/linux\ninitrd     /${MACHINE}/${version}/initrd.img-${version}\n`;
  return {
    '/boot/efi/EFI/BOOT/BOOTX64.EFI': SYSTEMD_BOOT_EFI,
    '/boot/efi/loader/loader.conf': 'timeout 3\n#default old\n',
    [`/boot/efi/loader/entries/${MACHINE}-${OLD}.conf`]: entry(OLD),
    [`/boot/efi/loader/entries/${MACHINE}-${VERSION}.conf`]: entry(VERSION),
    [`/boot/efi/${MACHINE}/${VERSION}/linux`]: 'kernel',
    [`/boot/efi/${MACHINE}/${VERSION}/initrd.img-${VERSION}`]: 'initramfs',
    [`/boot/efi/${MACHINE}/${OLD}/linux`]: 'kernel',
    [`/boot/efi/${MACHINE}/${OLD}/initrd.img-${OLD}`]: 'initramfs',
  };
}

test('reads systemd-boot: the newest entry is the default, or what loader.conf names', async () => {
  expect(await titles(systemdBootTree(), UEFI)).toEqual([`* Debian ${VERSION}`, `Debian ${OLD}`]);
  const named = { ...systemdBootTree(), '/boot/efi/loader/loader.conf': `default ${MACHINE}-*-18-*\n` };
  expect(await titles(named, UEFI)).toEqual([`Debian ${VERSION}`, `* Debian ${OLD}`]);
  expect(faultsOf(await checkBootEntries(bootSubject(systemdBootTree(), UEFI)))).toEqual([]);
});

test('entries of systemd-boot on /boot have paths relative to /boot', async () => {
  const tree = Object.fromEntries(
    Object.entries(systemdBootTree()).map(([path, content]) => [
      /entries|f0f0/.test(path) ? path.replace('/boot/efi', '/boot') : path,
      content,
    ]),
  );
  const boot = { name: '/dev/sda2', disk: 0, partition: 2, type: 'ext4', uuid: '33333333-aaaa-4bbb-8ccc-000000000003' };
  const mounts = [...(UEFI.mounts ?? []), { mountable: '/dev/sda2', path: '/boot' }];
  expect(
    faultsOf(await checkBootEntries(bootSubject(tree, { ...UEFI, devices: [...(UEFI.devices ?? []), boot], mounts }))),
  ).toEqual([]);
});

test('an entry whose tries are used up comes last', async () => {
  const id = `/boot/efi/loader/entries/${MACHINE}-${VERSION}`;
  const tree = systemdBootTree();
  const failed = { ...without(tree, `${id}.conf`), [`${id}+0-3.conf`]: tree[`${id}.conf`] ?? '' };
  expect(await titles(failed, UEFI)).toEqual([`* Debian ${OLD}`, `Debian ${VERSION}`]);
});

const APPLIANCE =
  'panic=1 console=ttyS0 edd=off udevtimeout=6000 udev.event-timeout=6000 no_timer_check printk.time=1 cgroup_disable=memory usbcore.nousb cryptomgr.notests tsc=reliable 8250.nr_uarts=1 selinux=0 guestfs_network=1 TERM=linux guestfs_identifier=thread_0';

test('the command line of the appliance in an entry is not ready', async () => {
  const tree = systemdBootTree(`root=UUID=${ROOT_UUID} ${APPLIANCE}`);
  const faults = faultsOf(await checkBootEntries(bootSubject(tree, UEFI))).filter(
    (each) => !each.startsWith('(advisory)'),
  );
  expect(faults).toEqual([
    expect.stringMatching(/^\/boot\/efi\/loader\/entries\/.*:6 .* is from the command line of the appliance/),
  ]);
  // The `root=` option comes from the appliance too.
  const whole = systemdBootTree(`${APPLIANCE} root=UUID=99999999-aaaa-4bbb-8ccc-000000000009`);
  expect(
    faultsOf(await checkBootEntries(bootSubject(whole, UEFI))).some((each) => each.includes('root=UUID=9999')),
  ).toBe(true);
});

test('words that the appliance has and a guest can have too are ready', async () => {
  const tree = systemdBootTree(
    `root=UUID=${ROOT_UUID} no_timer_check console=ttyS0 panic=1 printk.time=1 selinux=0 quiet`,
  );
  expect(faultsOf(await checkBootEntries(bootSubject(tree, UEFI)))).toEqual([]);
});

/** A guest whose ESP contains a unified kernel image. */
function unifiedTree(initramfs: TreeContent, words = `root=UUID=${ROOT_UUID} ro`): TreeContent {
  const image = makePe({
    '.text': 'stub',
    '.osrel': 'PRETTY_NAME="Debian 13"\nID=debian\nVERSION_ID="13"\n',
    '.cmdline': `${words}\0`,
    '.uname': VERSION,
    '.linux': 'kernel',
    '.initrd': gzipped(initramfs),
  });
  return {
    '/boot/efi/EFI/BOOT/BOOTX64.EFI': SYSTEMD_BOOT_EFI,
    [`/boot/efi/EFI/Linux/${MACHINE}-${VERSION}.efi`]: image,
  };
}

function unifiedGuest(initramfs: TreeContent, words?: string): BootSubject {
  return guestWith('', { ...unifiedTree(initramfs, words), '/boot/grub/grub.cfg': { folder: true } }, UEFI);
}

test('a unified kernel image is checked like an entry and an initramfs', async () => {
  const guest = unifiedGuest(initramfsTree());
  expect(await titles(unifiedTree(initramfsTree()), UEFI)).toEqual(['* Debian 13']);
  expect(faultsOf(await checkBootEntries(guest))).toEqual([]);
  expect(faultsOf(await checkInitramfs(guest))).toEqual([]);
});

test('a unified kernel image as the fallback itself is the default', async () => {
  const tree = unifiedTree(initramfsTree());
  const image = tree[`/boot/efi/EFI/Linux/${MACHINE}-${VERSION}.efi`] ?? '';
  expect(await titles({ '/boot/efi/EFI/BOOT/BOOTX64.EFI': image }, UEFI)).toEqual(['* Debian 13']);
});

test('the command line and the initramfs of a unified kernel image can be the reason for not ready', async () => {
  expect(onlyFault(await checkBootEntries(unifiedGuest(initramfsTree(), 'root=/dev/sda1'))).fault).toMatch(
    /EFI\/Linux\/.*\.efi:1 .*root=\/dev\/sda1/,
  );
  expect(onlyFault(await checkInitramfs(unifiedGuest(initramfsTree(['virtio_blk'])))).fault).toContain(
    `virtio_blk is neither in the initramfs nor in kernel ${VERSION}`,
  );
  const guest = unifiedGuest(initramfsTree());
  const path = `/boot/efi/EFI/Linux/${MACHINE}-${VERSION}.efi`;
  const cut = {
    ...unifiedTree(initramfsTree()),
    [path]: (await guest.files.readBytes(path, 1 << 20))?.subarray(0, 0x900) ?? '',
  };
  expect(
    faultsOf(
      await checkBootEntries(
        guestWith('', { ...cut, [`${MODULES}/x`]: '', '/boot/grub/grub.cfg': { folder: true } }, UEFI),
      ),
    ).join(),
  ).toContain('the file is cut off');
});

test('an add-on adds words to a unified kernel image', async () => {
  const path = `/boot/efi/EFI/Linux/${MACHINE}-${VERSION}.efi`;
  const tree = {
    ...unifiedTree(initramfsTree(), 'ro'),
    [`${path}.extra.d/root.addon.efi`]: makePe({ '.cmdline': 'root=/dev/sda1' }),
  };
  expect(onlyFault(await checkBootEntries(bootSubject(tree, UEFI))).fault).toMatch(
    /root\.addon\.efi:1 .*root=\/dev\/sda1/,
  );
});
