import { expect, test } from '@jest/globals';
import { checkNetwork } from '../../../../src/guest/contract/network.ts';
import { debianGrubCfg, without } from '../boot-entries/debian-grub.ts';
import { faultsOf, onlyFault } from '../boot-entries/faults.ts';
import { debianFiles, guestWith, MODULES, NIC_DRIVER } from '../initramfs/debian-initramfs.ts';
import { bootSubject, treeOfFiles, type TreeContent } from '../tree-of-files.ts';

const NETWORK: TreeContent = { '/usr/sbin/NetworkManager': 'program' };
const check = async (content: TreeContent) => checkNetwork(guestWith('', { ...NETWORK, ...content }));
const FILE = '/etc/modprobe.d/hardening.conf';

test('a guest whose kernel has the driver of the target’s NICs is ready', async () => {
  expect(onlyFault(await check({}))).toEqual({ verdict: 'ready', fault: undefined });
});

test('a kernel without the driver of the target’s NICs is not ready', async () => {
  const lists = { [`${MODULES}/modules.dep`]: 'kernel/drivers/virtio/virtio.ko:\n' };
  expect(onlyFault(await check(lists)).fault).toMatch(/The kernel has no driver virtio_net, which the NICs/);
  const builtin = { [`${MODULES}/modules.builtin`]: 'kernel/drivers/net/virtio_net.ko\n' };
  expect(faultsOf(await check({ ...lists, ...builtin }))).toEqual([]);
  // An old kernel has no list of what is in itself.
  const old = without({ ...debianFiles('', NETWORK), ...lists }, `${MODULES}/modules.builtin`);
  const checks = await checkNetwork({ ...bootSubject({}), files: treeOfFiles(old) });
  expect(onlyFault(checks).verdict).toBe('unknown');
});

test.each([NIC_DRIVER, `${MODULES}/kernel/net/core/failover.ko`])('without %s the NICs are not ready', async (path) => {
  const files = treeOfFiles(without(debianFiles('', NETWORK), path));
  const checks = await checkNetwork({ ...bootSubject({}), files });
  expect(onlyFault(checks)).toEqual({
    verdict: 'not-ready',
    fault: expect.stringContaining('of the driver virtio_net'),
  });
});

test.each([
  ['blacklist', 'blacklist virtio-net\n'],
  ['install', '# unused\ninstall virtio_net /bin/false\n'],
])('a driver of the NICs that %s of modprobe.d blocks is not ready', async (_what, text) => {
  expect(onlyFault(await check({ [FILE]: text }))).toEqual({
    verdict: 'not-ready',
    fault: expect.stringMatching(/^\/etc\/modprobe\.d\/hardening\.conf:\d .* keeps the driver virtio_net/),
  });
  // Other drivers may be blocked.
  expect(faultsOf(await check({ [FILE]: text.replace(/virtio.net/, 'vmxnet3') }))).toEqual([]);
});

test('a driver of the NICs that a word of the command line blocks is not ready', async () => {
  const grub = debianGrubCfg({ words: 'ro module_blacklist=floppy,virtio_net' });
  expect(onlyFault(await check({ '/boot/grub/grub.cfg': grub })).fault).toMatch(
    /^\/boot\/grub\/grub\.cfg:\d+ module_blacklist=.* keeps the driver virtio_net/,
  );
});

test('a blacklisted driver that the guest loads by its name is loaded', async () => {
  const content = { [FILE]: 'blacklist virtio_net\n', '/etc/modules': 'virtio_net\n' };
  expect(faultsOf(await check(content))).toEqual([]);
});
