import { expect, test } from '@jest/globals';
import { checkBootEntries } from '../../../../src/guest/contract/boot-entries/check-boot-entries.ts';
import { readGrubConfig } from '../../../../src/guest/contract/boot-entries/grub/grub-config.ts';
import { bootSubject, type TreeContent } from '../tree-of-files.ts';
import { debianGrubCfg, debianTree, ROOT_UUID, VERSION, without } from './debian-grub.ts';
import { faultsOf, onlyFault } from './faults.ts';

const BOOT_UUID = '33333333-aaaa-4bbb-8ccc-000000000003';
const [ROOT] = bootSubject({}).devices;
const BOOT = { name: '/dev/sda2', disk: 0, partition: 2, type: 'ext4', uuid: BOOT_UUID };
/** /boot is a separate partition, so that paths are relative to it. */
const WITH_BOOT = {
  devices: [ROOT, BOOT].filter((device) => device !== undefined),
  mounts: [
    { mountable: '/dev/sda1', path: '/' },
    { mountable: '/dev/sda2', path: '/boot' },
  ],
};

async function entriesOf(tree: TreeContent, file = '/boot/grub/grub.cfg') {
  return await readGrubConfig(file, bootSubject(tree));
}

test('reads the menu that update-grub of Debian writes', async () => {
  const { entries, problems } = await entriesOf(debianTree());
  expect(problems).toEqual([]);
  expect(entries.map(({ title, isDefault }) => `${isDefault ? '* ' : ''}${title}`)).toEqual([
    '* Debian GNU/Linux',
    `Debian GNU/Linux, with Linux ${VERSION}`,
    `Debian GNU/Linux, with Linux ${VERSION} (recovery mode)`,
    'Debian GNU/Linux, with Linux 6.1.0-18-amd64',
  ]);
  const [first] = entries;
  expect(first?.kernel).toMatchObject({ written: `/boot/vmlinuz-${VERSION}`, state: 'there' });
  expect(first?.initramfs.map(({ path }) => path)).toEqual([`/boot/initrd.img-${VERSION}`]);
  expect(first?.commandLine.map(({ text }) => text)).toEqual([`root=UUID=${ROOT_UUID}`, 'ro', 'quiet']);
  const line =
    debianGrubCfg()
      .split('\n')
      .findIndex((each) => each.startsWith('\tlinux')) + 1;
  expect(first?.commandLine[0]).toMatchObject({ file: '/boot/grub/grub.cfg', line });
});

test('the saved entry is the default: by id, in a submenu, and by number', async () => {
  const titleFor = async (saved: string): Promise<string | undefined> => {
    const tree = debianTree(undefined, {
      '/boot/grub/grubenv': `# GRUB Environment Block\nsaved_entry=${saved}\n####`,
    });
    return (await entriesOf(tree)).entries.find(({ isDefault }) => isDefault)?.title;
  };
  expect(await titleFor(`gnulinux-advanced-${ROOT_UUID}>gnulinux-6.1.0-18-amd64-advanced`)).toContain('6.1.0-18');
  expect(await titleFor('1>1')).toContain('recovery');
  expect(await titleFor('Debian GNU/Linux')).toBe('Debian GNU/Linux');
  expect(await titleFor('a kernel that was removed')).toBe('Debian GNU/Linux');
});

test('a guest with all that its default entry names is ready', async () => {
  const checks = await checkBootEntries(bootSubject(debianTree()));
  expect(faultsOf(checks)).toEqual([]);
  expect(checks.map(({ reason }) => reason)).toEqual([
    'The first disk has the boot code of GRUB.',
    `Boot entry "Debian GNU/Linux": the kernel /boot/vmlinuz-${VERSION} is there.`,
    `Boot entry "Debian GNU/Linux": the initramfs /boot/initrd.img-${VERSION} is there.`,
    `Boot entry "Debian GNU/Linux": root=UUID=${ROOT_UUID} leads to /dev/sda1.`,
  ]);
});

test('paths are relative to the file system that holds them', async () => {
  const tree = debianTree(debianGrubCfg({ boot: '', uuid: BOOT_UUID }));
  expect(faultsOf(await checkBootEntries(bootSubject(tree, WITH_BOOT)))).toEqual([]);
  // The configuration dates from before /boot became a separate partition.
  const wrong = debianTree(debianGrubCfg({ uuid: BOOT_UUID }));
  const faults = faultsOf(await checkBootEntries(bootSubject(wrong, WITH_BOOT)));
  expect(faults[0]).toContain(
    `the kernel /boot/vmlinuz-${VERSION} cannot be loaded: there is no /boot/vmlinuz-${VERSION} on /dev/sda2`,
  );
});

test('a missing kernel is not ready', async () => {
  const tree = without(debianTree(), `/boot/vmlinuz-${VERSION}`);
  expect(onlyFault(await checkBootEntries(bootSubject(tree)))).toEqual({
    verdict: 'not-ready',
    fault: expect.stringMatching(/^\/boot\/grub\/grub.cfg:\d+ .* the kernel .* cannot be loaded/),
  });
});

test('a missing initramfs is not ready', async () => {
  const tree = without(debianTree(), `/boot/initrd.img-${VERSION}`);
  expect(onlyFault(await checkBootEntries(bootSubject(tree)))).toMatchObject({
    verdict: 'not-ready',
    fault: expect.stringContaining('the initramfs'),
  });
});

test('a missing kernel of another entry is reported, and does not count', async () => {
  const tree = without(debianTree(), '/boot/vmlinuz-6.1.0-18-amd64');
  const checks = await checkBootEntries(bootSubject(tree));
  expect(faultsOf(checks)).toEqual([expect.stringMatching(/^\(advisory\) .*6\.1\.0-18-amd64 cannot be loaded/)]);
  expect(onlyFault(checks).verdict).toBe('ready');
});

test('a guest without any configuration of a boot loader is not ready', async () => {
  expect(onlyFault(await checkBootEntries(bootSubject({ '/boot/vmlinuz': 'kernel' })))).toEqual({
    verdict: 'not-ready',
    fault: '/boot No known boot loader configuration was found.',
  });
});

test('GRUB opens the encrypted root itself, with /boot in it', async () => {
  const luks = { name: '/dev/sda1', disk: 0, partition: 1, type: 'crypto_LUKS', uuid: BOOT_UUID };
  const opened = { name: '/dev/mapper/vault', type: 'ext4', uuid: ROOT_UUID };
  const place = { devices: [luks, opened], mounts: [{ mountable: opened.name, path: '/' }] };
  const digits = BOOT_UUID.replaceAll('-', '');
  const cfg = debianGrubCfg({ root: 'root=/dev/mapper/vault' })
    .replaceAll("set root='hd0,msdos1'", `cryptomount -u ${digits}\n\tset root='cryptouuid/${digits}'`)
    .replaceAll(/^\s*search --no-floppy.*$/gm, '\ttrue');
  const tree = debianTree(cfg, { '/etc/crypttab': `vault UUID=${BOOT_UUID} none luks\n` });
  expect(faultsOf(await checkBootEntries(bootSubject(tree, place)))).toEqual([]);
  const moved = without(tree, `/boot/vmlinuz-${VERSION}`);
  expect(onlyFault(await checkBootEntries(bootSubject(moved, place))).fault).toContain(
    `there is no /boot/vmlinuz-${VERSION} on /dev/mapper/vault`,
  );
});

/** The root is btrfs's default subvolume, as the SUSE family lays it out. */
const SNAPSHOT = '@/.snapshots/1/snapshot';
test.each([
  ['from the top level of btrfs', `/${SNAPSHOT}/boot`, undefined],
  ['from its default subvolume, as with the patches of the SUSE family', '/boot', undefined],
  ['in another snapshot', '/@/.snapshots/2/snapshot/boot', /\(unknown\) .*\/dev\/sda1 is not mounted where/],
])('paths of GRUB %s', async (_where, boot, fault) => {
  const tree = debianTree(debianGrubCfg({ boot }));
  const devices = ROOT === undefined ? [] : [{ ...ROOT, type: 'btrfs' }];
  const mounts = [{ mountable: `btrfsvol:/dev/sda1/${SNAPSHOT}`, path: '/' }];
  const [first] = faultsOf(await checkBootEntries(bootSubject(tree, { devices, mounts })));
  expect(first).toEqual(fault === undefined ? undefined : expect.stringMatching(fault));
});

test('a search that finds no device is the reason for what is missing', async () => {
  const tree = debianTree(debianGrubCfg({ uuid: '44444444-aaaa-4bbb-8ccc-000000000004' }));
  const faults = faultsOf(await checkBootEntries(bootSubject(without(tree, `/boot/vmlinuz-${VERSION}`))));
  expect(faults[0]).toMatch(/search finds no device with the UUID 44444444.* \(line \d+ of/);
});

test('the entries of GRUB that Red Hat makes: BLS with variables of grubenv', async () => {
  const id = 'f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0-5.14.0-503.el9.x86_64';
  const older = id.replace('503', '427');
  const options = `root=UUID=${ROOT_UUID} ro crashkernel=1G-4G:192M`;
  const bls = (version: string): string =>
    `title Linux (${version}) 9\nversion ${version}\nlinux /vmlinuz-${version}\ninitrd /initramfs-${version}.img $tuned_initrd\noptions $kernelopts $tuned_params\ngrub_users $grub_users\ngrub_class kernel\n`;
  const tree = {
    '/boot/grub2/grub.cfg': `set pager=1
if [ -f \${config_directory}/grubenv ]; then
  load_env -f \${config_directory}/grubenv
elif [ -s $prefix/grubenv ]; then
  load_env
fi
set default="\${saved_entry}"
insmod part_gpt
search --no-floppy --fs-uuid --set=root --hint='hd0,gpt2'  ${BOOT_UUID}
insmod part_gpt
set boot='hd0,gpt2'
search --no-floppy --fs-uuid --set=boot --hint='hd0,gpt2'  ${BOOT_UUID}
if [ -z "\${kernelopts}" ]; then
  set kernelopts="root=UUID=none ro"
fi
insmod blscfg
blscfg
`,
    '/boot/grub2/grubenv': `# GRUB Environment Block\nsaved_entry=${id}\nkernelopts=${options}\ntuned_params=skew_tick=1\ntuned_initrd=\n####`,
    [`/boot/loader/entries/${older}.conf`]: bls('5.14.0-427.el9.x86_64'),
    [`/boot/loader/entries/${id}.conf`]: bls('5.14.0-503.el9.x86_64'),
    '/boot/vmlinuz-5.14.0-503.el9.x86_64': 'kernel',
    '/boot/initramfs-5.14.0-503.el9.x86_64.img': 'initramfs',
    '/boot/vmlinuz-5.14.0-427.el9.x86_64': 'kernel',
    '/boot/initramfs-5.14.0-427.el9.x86_64.img': 'initramfs',
  };
  const { entries } = await readGrubConfig('/boot/grub2/grub.cfg', bootSubject(tree, WITH_BOOT));
  expect(entries.map(({ title, isDefault }) => [title, isDefault])).toEqual([
    ['Linux (5.14.0-503.el9.x86_64) 9', true],
    ['Linux (5.14.0-427.el9.x86_64) 9', false],
  ]);
  expect(entries[0]?.commandLine).toEqual([
    ...options.split(' ').map((text) => ({ text, file: '/boot/grub2/grubenv', line: 3 })),
    { text: 'skew_tick=1', file: '/boot/grub2/grubenv', line: 4 },
  ]);
  expect(faultsOf(await checkBootEntries(bootSubject(tree, WITH_BOOT)))).toEqual([]);
  const moved = {
    ...tree,
    '/boot/grub2/grubenv': tree['/boot/grub2/grubenv'].replace(`UUID=${ROOT_UUID}`, '/dev/sda1'),
  };
  expect(onlyFault(await checkBootEntries(bootSubject(moved, WITH_BOOT))).fault).toMatch(
    /^\/boot\/grub2\/grubenv:3 .* root=\/dev\/sda1 leads to no device/,
  );
});

test('a configuration that cannot be read is unknown, not ready', async () => {
  for (const text of [
    "menuentry 'x {\n",
    'if true; then\n',
    '}\n',
    'menuentry x {\n'.repeat(40),
    'source $prefix/grub.cfg\n',
  ]) {
    const checks = await checkBootEntries(bootSubject(debianTree(text)));
    expect(checks.map(({ verdict }) => verdict)).toContain('unknown');
    expect(faultsOf(checks)[0]).toContain('/boot/grub/grub.cfg:');
  }
});
