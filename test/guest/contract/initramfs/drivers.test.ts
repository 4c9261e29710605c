import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { Hyper2kvmError } from '../../../../src/base/errors.ts';
import { checkInitramfs } from '../../../../src/guest/contract/initramfs/check-initramfs.ts';
import { debianGrubCfg, VERSION } from '../boot-entries/debian-grub.ts';
import { faultsOf, onlyFault } from '../boot-entries/faults.ts';
import { bootSubject } from '../tree-of-files.ts';
import { guestWith, IMAGE, initramfsTree, MODULES } from './debian-initramfs.ts';
import { cpioOf, gzipped, zstandard } from './make-initramfs.ts';

test('an initramfs with all drivers is ready', async () => {
  const checks = await checkInitramfs(guestWith(zstandard(initramfsTree())));
  expect(faultsOf(checks)).toEqual([]);
  expect(checks).toEqual([
    {
      area: 'initramfs',
      verdict: 'ready',
      file: IMAGE,
      line: undefined,
      reason: `The drivers of kernel ${VERSION} are there: virtio_pci, virtio_blk, ext4.`,
    },
  ]);
});

for (const name of ['virtio_blk', 'virtio_pci', 'ext4']) {
  test(`an initramfs without ${name} is not ready`, async () => {
    expect(onlyFault(await checkInitramfs(guestWith(gzipped(initramfsTree([name])))))).toEqual({
      verdict: 'not-ready',
      fault: `${IMAGE} ${name} is neither in the initramfs nor in kernel ${VERSION}.`,
    });
  });
}

test('an initramfs without what a driver depends on is not ready', async () => {
  expect(onlyFault(await checkInitramfs(guestWith(gzipped(initramfsTree(['jbd2'])))))).toEqual({
    verdict: 'not-ready',
    fault: `${IMAGE} jbd2, which ext4 needs, is neither in the initramfs nor in kernel ${VERSION}.`,
  });
});

test('a driver in the kernel itself need not be in the initramfs', async () => {
  const builtin = { [`${MODULES}/modules.builtin`]: 'kernel/fs/ext4/ext4.ko\nkernel/drivers/scsi/sd_mod.ko\n' };
  expect(faultsOf(await checkInitramfs(guestWith(gzipped(initramfsTree(['ext4', 'jbd2'])), builtin)))).toEqual([]);
});

test('the drivers are those of the disks that the root is on', async () => {
  const hardware = {
    ...bootSubject({}).hardware,
    disks: [
      { driver: 'ahci', names: 'sd' as const },
      { driver: 'nvme', names: 'nvme' as const },
    ],
  };
  expect(onlyFault(await checkInitramfs(guestWith(gzipped(initramfsTree()), {}, { hardware }))).fault).toBe(
    `${IMAGE} ahci is neither in the initramfs nor in kernel ${VERSION}.`,
  );
});

test('modules of another kernel do not count', async () => {
  const { fault } = onlyFault(
    await checkInitramfs(
      guestWith(gzipped(initramfsTree([], {}, '5.10.0-1')), {
        [`${MODULES}/modules.builtin`]: 'kernel/fs/ext4/ext4.ko\nvirtio_pci.ko',
      }),
    ),
  );
  expect(fault).toBe(
    `${IMAGE} virtio_blk is neither in the initramfs nor in kernel ${VERSION}. It has modules of kernel 5.10.0-1.`,
  );
});

test('a driver that a file or a word keeps from being loaded is not ready', async () => {
  const listed = initramfsTree([], { '/etc/modprobe.d/old.conf': '# none\nblacklist virtio-blk\n' });
  expect(onlyFault(await checkInitramfs(guestWith(gzipped(listed))))).toEqual({
    verdict: 'not-ready',
    fault: `${IMAGE}:/etc/modprobe.d/old.conf:2 blacklist virtio-blk keeps the driver virtio_blk from being loaded.`,
  });
  const subject = guestWith(gzipped(initramfsTree()), {
    '/boot/grub/grub.cfg': debianGrubCfg({ words: 'ro modprobe.blacklist=floppy,virtio_pci' }),
  });
  expect(onlyFault(await checkInitramfs(subject)).fault).toContain('keeps the driver virtio_pci from being loaded');
});

test('an initramfs without /init is not ready', async () => {
  const tree = initramfsTree([], { '/init': { folder: true } });
  expect(onlyFault(await checkInitramfs(guestWith(gzipped(tree)))).fault).toContain('no /init');
});

test('a damaged initramfs is not ready', async () => {
  expect(onlyFault(await checkInitramfs(guestWith(gzipped(initramfsTree()).subarray(0, 200))))).toEqual({
    verdict: 'not-ready',
    fault: `${IMAGE} The initramfs cannot be unpacked: the compressed data is damaged.`,
  });
});

test('an initramfs whose compression is not read is unknown', async () => {
  const image = Buffer.concat([Buffer.from('\x89LZO\0\r\n\x1a\n', 'latin1'), Buffer.alloc(64, 1)]);
  expect(onlyFault(await checkInitramfs(guestWith(image))).verdict).toBe('unknown');
});

test('a fault in the initramfs of an older kernel is reported, and does not count', async () => {
  const older = { '/boot/initrd.img-6.1.0-18-amd64': gzipped(initramfsTree(['virtio_blk'], {}, '6.1.0-18-amd64')) };
  const checks = await checkInitramfs(guestWith(gzipped(initramfsTree()), older));
  expect(faultsOf(checks)).toEqual([expect.stringMatching(/^\(advisory\) .*18-amd64 virtio_blk is neither/)]);
  expect(onlyFault(checks).verdict).toBe('ready');
});

test('a large initramfs of an older kernel is not unpacked, which does not count', async () => {
  // Incompressible, like real firmware.
  const filler = { '/usr/lib/firmware/large': randomBytes(25 * 1024 ** 2) };
  const older = { '/boot/initrd.img-6.1.0-18-amd64': cpioOf({ ...initramfsTree(['virtio_blk']), ...filler }) };
  const subject = guestWith(gzipped(initramfsTree()), older);
  const read: string[] = [];
  const { files } = subject;
  const readBytes: typeof files.readBytes = async (path, mostBytes) => {
    const bytes = await files.readBytes(path, Number.MAX_SAFE_INTEGER);
    if ((bytes?.length ?? 0) > mostBytes) throw new Hyper2kvmError('guest', `${path} is too long.`);
    read.push(path);
    return bytes;
  };
  const checks = await checkInitramfs({ ...subject, files: { ...files, readBytes } });
  expect(faultsOf(checks)).toEqual([expect.stringMatching(/^\(advisory\) \(unknown\) .*18-amd64 It was not unpacked/)]);
  expect(read.filter((path) => path.startsWith('/boot/'))).toEqual([IMAGE]);
});
