import { join } from 'node:path';
import { expect } from '@jest/globals';
import { GuestFiles } from '../../../../src/guest/guest-files.ts';
import type { FixOptions } from '../../../../src/operations/fix-guest/types.ts';
import { APPLIANCE_TEST_MS, emptyDisk, withSession, writeTree } from '../../../guest/make-disk.ts';
import { testWithOracle } from '../../../oracles/oracle.ts';
import { runProgram } from '../../../oracles/run-program.ts';
import { emptyContent, rawFileContent } from '../../../server/content-source.ts';
import { startTestServer } from '../../../server/test-server.ts';
import { NO_FIX } from '../../fix-guest/no-fix.ts';
import { leftOnServer, NOTHING_LEFT, runExport, ScratchFolder } from '../export-run.ts';

const MIB = 2 ** 20;
const FIX: FixOptions = { ...NO_FIX, fix: 'auto' };
const CARD = { macAddress: '00:50:56:8A:01:01', pciSlotNumber: 192 };
/** The second disk of SCSI controller 0. */
const BY_PATH = '/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:1:0-part1';

/** Creates a disk with a partition for each of `names`, each with an ext4 file system and a small system. */
async function systemDisk(folder: string, roots: readonly string[]) {
  const disk = await emptyDisk(folder, 'guest.img', 96 * MIB);
  await withSession([disk], false, async (session) => {
    await session.call(['part-init', '/dev/sda', 'gpt']);
    for (const [index, name] of roots.entries()) {
      const first = 2048 + index * 90112;
      await session.call(['part-add', '/dev/sda', 'p', String(first), String(first + 88063)]);
      await session.call(['mkfs', 'ext4', name]);
      await session.call(['mount', name, '/']);
      await writeTree(session, {
        '/etc/os-release': `ID=debian\nPRETTY_NAME="on ${name}"\n`,
        '/etc/fstab': `${BY_PATH} / ext4 defaults 0 1\n`,
        '/etc/network/interfaces': 'auto ens192\niface ens192 inet dhcp\n',
        '/lib/systemd/network/99-default.link': '[Match]\n',
        '/sbin': { folder: true },
      });
      await session.call(['umount-all']);
    }
  });
  return rawFileContent(disk.path, 96 * MIB);
}

testWithOracle(
  ['guestfish', 'qemu-img'],
  'the guest is fixed by what the VM’s hardware tells, when the server has nothing of the export any more',
  async (oracles) => {
    await using scratch = await ScratchFolder.make();
    const disks = [{ content: emptyContent(MIB) }, { content: await systemDisk(scratch.path, ['/dev/sda1']) }];
    const vm = { name: 'web', powerState: 'poweredOn', networkAdapters: [CARD], disks } as const;
    await using server = await startTestServer({ vms: [vm] });
    let atFix: unknown;
    const { result, error } = await runExport(server, scratch, {
      format: 'qcow2',
      guest: FIX,
      power: { kind: 'snapshot', quiesce: false },
      onEvent: (event) => {
        if (event.type === 'step' && event.step === 'fix') atFix ??= leftOnServer(server);
      },
    });
    expect(error).toBeUndefined();
    expect(atFix).toEqual({ ...NOTHING_LEFT, sessions: 1 });
    const [exported] = result?.exported ?? [];
    expect(exported).toMatchObject({ guest: { outcome: 'fixed', root: '/dev/sdb1' } });
    expect(await scratch.files()).toEqual(['web-disk-1.qcow2', 'web-disk-2.qcow2', 'web.xml']);

    const path = join(scratch.output, 'web-disk-2.qcow2');
    expect((await runProgram(oracles['qemu-img'], ['check', path])).stdout).toMatch(/^No errors were found/);
    await withSession([{ path, format: 'qcow2' }], true, async (session) => {
      await session.call(['mount-ro', '/dev/sda1', '/']);
      const files = new GuestFiles(session);
      expect(await files.read('/etc/fstab')).toMatch(/^UUID=\S+ \/ ext4/);
      const link = await files.read('/etc/systemd/network/10-hyper2kvm-ens192.link');
      expect(link).toContain('MACAddress=00:50:56:8a:01:01');
    });
    const sizes = exported?.files.map(({ sizeBytes }) => sizeBytes);
    const found = await runProgram('/usr/bin/stat', ['-c', '%s', ...(exported?.files.map((file) => file.path) ?? [])]);
    expect(sizes).toEqual(found.stdout.trim().split('\n').map(Number));
  },
  APPLIANCE_TEST_MS,
);

testWithOracle(
  'guestfish',
  'a fix that fails before it changes anything costs no second download',
  async () => {
    await using scratch = await ScratchFolder.make();
    const content = await systemDisk(scratch.path, ['/dev/sda1', '/dev/sda2']);
    await using server = await startTestServer({ vms: [{ name: 'web', disks: [{ content }] }] });
    const first = await runExport(server, scratch, { format: 'raw', guest: FIX });
    expect(first.error).toMatchObject({ message: expect.stringMatching(/^There are 2 systems/) });
    expect(first.result?.failed[0]?.keptForNextRun).toEqual(['web-disk-1.raw']);
    const second = await runExport(server, scratch, { format: 'raw', guest: { ...FIX, root: '/dev/sda2' } });
    expect(second.error).toBeUndefined();
    expect(second.result?.exported[0]).toMatchObject({ keptDisks: ['web-disk-1.raw'], guest: { root: '/dev/sda2' } });
  },
  APPLIANCE_TEST_MS,
);

testWithOracle(
  'guestfish',
  'a guest that would not start makes no domain, and the next run goes on with its disks',
  async () => {
    await using scratch = await ScratchFolder.make();
    const content = await systemDisk(scratch.path, ['/dev/sda1']);
    await using server = await startTestServer({ vms: [{ name: 'web', disks: [{ content }] }] });
    const first = await runExport(server, scratch, { format: 'qcow2', guest: { ...FIX, fix: 'require' } });
    expect(first.error).toMatchObject({ kind: 'guest', details: { boot: { verdict: 'not-ready' } } });
    expect(first.result?.failed[0]?.keptForNextRun).toEqual(['web-disk-1.qcow2']);
    const second = await runExport(server, scratch, { format: 'qcow2', guest: FIX });
    expect(second.error).toBeUndefined();
    expect(second.result?.exported[0]).toMatchObject({
      keptDisks: ['web-disk-1.qcow2'],
      transferredBytes: 0,
      guest: { outcome: 'fixed', boot: { verdict: 'not-ready' } },
      hardware: { reason: expect.stringMatching(/^The guest cannot start on virtio/) },
    });
    expect(await scratch.files()).toEqual(['web-disk-1.qcow2', 'web.xml']);
  },
  APPLIANCE_TEST_MS,
);
