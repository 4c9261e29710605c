import { expect, test } from '@jest/globals';
import type { Change, Fix } from '../../../src/guest/change.ts';
import { blockingChecks, checkLine, type TargetDisk } from '../../../src/guest/contract/boot-check.ts';
import { checkBoot } from '../../../src/guest/contract/check-boot.ts';
import type { Guestfs } from '../../../src/guest/guestfs.ts';
import type { BlockDevice, Guest } from '../../../src/guest/guest.ts';
import { bootLoader } from '../../../src/guest/linux/boot-loader/boot-loader.ts';
import { initramfs } from '../../../src/guest/linux/initramfs/initramfs.ts';
import { network } from '../../../src/guest/linux/network.ts';
import { linuxFixes, planFixes } from '../../../src/guest/linux/plan-fixes.ts';
import { selinux } from '../../../src/guest/linux/selinux.ts';
import { vmwareLeftovers } from '../../../src/guest/linux/vmware.ts';
import { encryptedVolumes } from '../../../src/guest/linux/volumes/encrypted-volumes.ts';
import { multipath } from '../../../src/guest/linux/volumes/multipath.ts';
import { storageNames } from '../../../src/guest/linux/volumes/storage-names.ts';
import { volumes } from '../../../src/guest/linux/volumes/volumes.ts';
import { debianGrubCfg, ROOT_UUID, VERSION } from '../contract/boot-entries/debian-grub.ts';
import { debianFiles, IMAGE, initramfsTree, MODULES } from '../contract/initramfs/debian-initramfs.ts';
import { gzipped } from '../contract/initramfs/make-initramfs.ts';
import { bootSubject, type TreeContent } from '../contract/tree-of-files.ts';
import { planFiles } from './planned-on.ts';

/*
 * For each fix, a guest that needs it. With all fixes, the boot contract finds the guest ready. Without that fix it is
 * not ready, for the reason that the fix addresses.
 */

const DATA_UUID = '33333333-aaaa-4bbb-8ccc-000000000003';
const ROOT: BlockDevice = { name: '/dev/sda1', disk: 0, partition: 1, type: 'ext4', uuid: ROOT_UUID };
const DATA: BlockDevice = { name: '/dev/sdb1', disk: 1, partition: 1, type: 'xfs', uuid: DATA_UUID };
const PV: BlockDevice = { name: '/dev/sdb', disk: 1, type: 'LVM2_member', uuid: 'pv-1', volumeGroup: 'data' };
const LV: BlockDevice = { name: '/dev/data/srv', type: 'xfs', uuid: DATA_UUID, volumeGroup: 'data', missingMembers: 0 };
const VIRTIO: TargetDisk = { driver: 'virtio_blk', names: 'vd' };
const SCSI: TargetDisk = { driver: 'virtio_scsi', names: 'sd' };
const NIC = { mac: '00:50:56:00:00:01', pciSlotNumber: 192 };
const FSTAB = `UUID=${ROOT_UUID} / ext4 defaults 0 1\n`;
const VIRTIO_DRIVERS = ['virtio', 'virtio_ring', 'virtio_pci', 'virtio_blk'];

/** A Debian guest that has everything it needs to boot on virtio. */
const FIT: TreeContent = {
  '/etc/fstab': FSTAB,
  '/etc/network/interfaces': 'auto lo\niface lo inet loopback\n',
  '/usr/sbin/NetworkManager': 'program',
  '/usr/sbin/update-initramfs': 'program',
  '/usr/lib/systemd/network/99-default.link': '[Match]\nOriginalName=*\n\n[Link]\nNamePolicy=keep slot path\n',
  '/usr/lib/udev/rules.d/80-net-setup-link.rules': 'NAME=="", ENV{ID_NET_NAME}!="", NAME="$env{ID_NET_NAME}"\n',
  [`${MODULES}/modules.builtin`]: 'kernel/drivers/scsi/sd_mod.ko\nkernel/drivers/scsi/virtio_scsi.ko\n',
};

interface MadeUp {
  files?: TreeContent;
  devices?: readonly BlockDevice[];
  disks?: readonly TargetDisk[];
  /** Modules that are missing from the initramfs. */
  missing?: readonly string[];
  /** Whether the files of the guest have SELinux labels. */
  isLabeled?: boolean;
}

/** Returns the contract's result after these fixes: the verdict and the checks that failed. */
async function foundAfter(
  { files = {}, devices = [ROOT, DATA], disks = [VIRTIO, VIRTIO], missing = [], isLabeled = false }: MadeUp,
  fixes: readonly Fix[],
): Promise<{ verdict: string; faults: string[] }> {
  const before = debianFiles(gzipped(initramfsTree(missing)), { ...FIT, ...files });
  const draft = await planFixes(guestOf(before, devices), fixes);
  const changes = draft.changes();
  const after = await changed(before, changes, (path) => draft.read(path));
  const base = bootSubject(after);
  const nics = [{ mac: NIC.mac, driver: 'virtio_net', sourceSlotNumber: NIC.pciSlotNumber }];
  const hardware = { ...base.hardware, disks, nics };
  const readLabel = isLabeled ? labelsOf(before, changes) : undefined;
  const report = await checkBoot({ ...base, devices, hardware, readLabel });
  return { verdict: report.verdict, faults: blockingChecks(report).map(checkLine) };
}

function guestOf(content: TreeContent, devices: readonly BlockDevice[]): Guest {
  // Devices contain only zeros.
  const session: Pick<Guestfs, 'lines' | 'call'> = {
    lines: () => Promise.resolve(['bsize: 4096', 'bavail: 1000000']),
    call: ([, , count]) => Promise.resolve(Buffer.alloc(Number(count ?? 0))),
  };
  return {
    // oxlint-disable-next-line no-unsafe-type-assertion -- a plan calls only these methods
    session: session as Guestfs,
    files: planFiles(content),
    disks: [
      { path: 'a.qcow2', format: 'qcow2' },
      { path: 'b.qcow2', format: 'qcow2' },
    ],
    nics: [NIC],
    devices,
    opened: [],
    diskOrder: [0, 1],
    system: { id: 'debian', idLike: [], version: '12', prettyName: 'Debian' },
    mounts: [{ mountable: ROOT.name, path: '/' }],
    kernels: [{ version: VERSION, image: `/boot/vmlinuz-${VERSION}`, initramfs: IMAGE }],
  };
}

/** Returns the files after the changes. The guest's own tool builds an initramfs with all drivers. */
async function changed(
  before: TreeContent,
  changes: readonly Change[],
  read: (path: string) => Promise<string | undefined>,
): Promise<TreeContent> {
  const after = { ...before };
  for (const { action, path, fix } of changes) {
    const text = action === 'run' ? undefined : await read(path);
    if (action === 'run' && fix === 'initramfs') after[path] = gzipped(initramfsTree());
    else if (text !== undefined) after[path] = text;
    else if (action !== 'run') delete after[path];
  }
  return after;
}

/** Files keep their labels. New ones have none before the guest's own program labels what was changed. */
function labelsOf(before: TreeContent, changes: readonly Change[]): (path: string) => Promise<string | undefined> {
  const isRelabeled = changes.some(({ fix, action }) => fix === 'selinux' && action === 'run');
  return async (path) => (path in before || isRelabeled ? 'system_u:object_r:etc_t:s0' : undefined);
}

const ALL = linuxFixes({ removeVmwareTools: false });
/** The VMware leftovers fix in `ALL`. Each call creates a new object, so this finds it by its name. */
const VMWARE = ALL.find(({ name }) => name === vmwareLeftovers({ removeTools: false }).name);

const NEEDED: [what: string, fix: Fix | undefined, guest: MadeUp, verdict: string, fault: RegExp][] = [
  [
    'names of VMware’s disks in fstab',
    storageNames,
    { files: { '/etc/fstab': `${FSTAB}/dev/sdb1 /srv xfs defaults 0 2\n` } },
    'not-ready',
    /^\/etc\/fstab:2: .*\/dev\/sdb1/,
  ],
  [
    'the filter of LVM',
    volumes,
    {
      devices: [ROOT, PV, LV],
      files: {
        '/etc/fstab': `${FSTAB}/dev/mapper/data-srv /srv xfs defaults 0 2\n`,
        '/etc/lvm/lvm.conf': 'devices {\n  global_filter = [ "a|^/dev/sd|", "r|.*|" ]\n}\n',
      },
    },
    'not-ready',
    /^\/etc\/lvm\/lvm\.conf:2: .*\/dev\/vdb/,
  ],
  [
    'multipath, which is kept off local disks by their WWIDs',
    multipath,
    {
      disks: [SCSI, SCSI],
      files: {
        '/etc/multipath.conf':
          'defaults {\n  find_multipaths no\n}\nblacklist {\n  wwid "36000c29a1b2c3d4e5f60718293a4b5c6"\n}\n',
      },
    },
    'unknown',
    /^\/etc\/multipath\.conf: multipath takes disks with one path/,
  ],
  [
    'the root in the boot entry',
    bootLoader,
    { files: { '/boot/grub/grub.cfg': debianGrubCfg({ root: 'root=/dev/sda1' }) } },
    'not-ready',
    /^\/boot\/grub\/grub\.cfg:\d+: .*root=\/dev\/sda1/,
  ],
  [
    'the name of the NIC',
    network,
    { files: { '/etc/network/interfaces': 'auto ens192\niface ens192 inet dhcp\n' } },
    'not-ready',
    /^\/etc\/network\/interfaces:\d+: .*ens192/,
  ],
  [
    'shared folders of VMware',
    VMWARE,
    { files: { '/etc/fstab': `${FSTAB}.host:/share /mnt/share fuse.vmhgfs-fuse allow_other 0 0\n` } },
    'not-ready',
    /^\/etc\/fstab:2: .*\.host:\/share/,
  ],
  ['drivers in the initramfs', initramfs, { missing: VIRTIO_DRIVERS }, 'not-ready', /initrd\.img-.*virtio_/],
  [
    'SELinux labels of new files',
    selinux,
    {
      isLabeled: true,
      files: {
        '/etc/selinux/config': 'SELINUX=enforcing\nSELINUXTYPE=targeted\n',
        '/etc/network/interfaces': 'auto ens192\niface ens192 inet dhcp\n',
      },
    },
    'not-ready',
    /^\/etc\/systemd\/network\/10-hyper2kvm-ens192\.link: It has no SELinux label/,
  ],
];

test('a guest that lacks nothing is ready without a fix', async () => {
  expect(await foundAfter({}, [])).toEqual({ verdict: 'ready', faults: [] });
});

test('a guest that labels its files when it starts is ready', async () => {
  const files = {
    '/etc/selinux/config': 'SELINUX=enforcing\n',
    '/etc/network/interfaces': 'auto ens192\niface ens192 inet dhcp\n',
    '/.autorelabel': '',
  };
  const withoutLabels = ALL.filter((each) => each !== selinux);
  expect(await foundAfter({ isLabeled: true, files }, withoutLabels)).toEqual({ verdict: 'ready', faults: [] });
});

test.each(NEEDED)('%s: ready with all fixes, and found without that one', async (_what, fix, guest, verdict, fault) => {
  expect(await foundAfter(guest, ALL)).toEqual({ verdict: 'ready', faults: [] });
  const without = await foundAfter(
    guest,
    ALL.filter((each) => each !== fix),
  );
  expect(without.verdict).toBe(verdict);
  expect(without.faults).toEqual(expect.arrayContaining([expect.stringMatching(fault)]));
});

const LUKS: BlockDevice = { name: '/dev/sdb1', disk: 1, partition: 1, type: 'crypto_LUKS', uuid: DATA_UUID };

/** What `encryptedVolumes` warns of, in lines of crypttab. */
const KEYS: [what: string, line: string, verdict: string, fault: RegExp][] = [
  ['the TPM', `vault UUID=${DATA_UUID} none luks,tpm2-device=auto`, 'not-ready', /sealed in the TPM/],
  ['a key file that is missing', `vault UUID=${DATA_UUID} /etc/keys/v luks`, 'not-ready', /\/etc\/keys\/v .*not exist/],
  ['a stick', `vault UUID=${DATA_UUID} /key:LABEL=stick luks`, 'unknown', /is on LABEL=stick/],
  ['a missing script', `vault UUID=${DATA_UUID} none luks,keyscript=/bin/ask`, 'not-ready', /script \/bin\/ask/],
];

test.each(KEYS)('a key that comes from %s: warned of, not changed, and found', async (_what, line, verdict, fault) => {
  const guest = { devices: [ROOT, LUKS], files: { '/etc/crypttab': `${line}\n` } };
  const draft = await planFixes(guestOf(guest.files, guest.devices), [encryptedVolumes]);
  expect(draft.changes()).toEqual([]);
  expect(draft.warnings).toEqual(expect.arrayContaining([expect.stringMatching(/crypttab .* vault/)]));
  const found = await foundAfter(guest, ALL);
  expect(found.verdict).toBe(verdict);
  expect(found.faults).toEqual(expect.arrayContaining([expect.stringMatching(fault)]));
});

test('a crypttab by VMware’s disk name: ready with all fixes, and found without them', async () => {
  const files = { '/etc/crypttab': 'vault /dev/sdb1 none luks\n' };
  const guest = { devices: [ROOT, LUKS], files };
  expect(await foundAfter(guest, ALL)).toEqual({ verdict: 'ready', faults: [] });
  const without = await foundAfter(
    guest,
    ALL.filter((each) => each !== storageNames),
  );
  expect(without).toEqual({
    verdict: 'not-ready',
    faults: [expect.stringMatching(/^\/etc\/crypttab:1: .*\/dev\/sdb1/)],
  });
});

test('every fix that changes the guest has such a guest', () => {
  const others = new Set<Fix | undefined>([encryptedVolumes]);
  expect(ALL.filter((fix) => !others.has(fix))).toEqual(NEEDED.map(([, fix]) => fix));
});
