import { expect } from '@jest/globals';
import {
  overallVerdict,
  type BootCheck,
  type BootSubject,
  type TargetNic,
} from '../../../../src/guest/contract/boot-check.ts';
import { checkNetwork } from '../../../../src/guest/contract/network.ts';
import { bootSubject, type TreeContent } from '../tree-of-files.ts';

export const LAN: TargetNic = { mac: '00:50:56:00:00:01', driver: 'virtio_net', sourceSlotNumber: 192, network: 'LAN' };
export const WAN: TargetNic = { mac: '00:50:56:00:00:02', driver: 'virtio_net', sourceSlotNumber: 224, network: 'WAN' };

const LINK = '[Match]\nOriginalName=*\n\n[Link]\nNamePolicy=keep kernel database onboard slot path\n';
/** The files of systemd that give NICs predictable names. */
const SYSTEMD = {
  '/usr/lib/systemd/network/99-default.link': LINK,
  '/usr/lib/udev/rules.d/80-net-setup-link.rules': 'NAME=="", ENV{ID_NET_NAME}!="", NAME="$env{ID_NET_NAME}"\n',
};
/** A boot entry that selects the kernel's NIC names. */
export const KERNEL_NAMES = {
  '/boot/vmlinuz': 'kernel',
  '/boot/grub/grub.cfg': 'menuentry "Linux" {\n  linux /boot/vmlinuz root=/dev/vda1 net.ifnames=0\n}\n',
};

export function guestWith(content: TreeContent, nics: readonly TargetNic[] | undefined = [LAN]): BootSubject {
  const base = bootSubject({ ...SYSTEMD, ...content });
  return { ...base, hardware: { ...base.hardware, nics } };
}

/** Binds a MAC address to a name, in the same way as a `.link` file. */
export function link(name: string, { mac }: TargetNic): TreeContent {
  return {
    [`/etc/systemd/network/10-${name}.link`]: `[Match]\nMACAddress=${mac}\nType=ether\n\n[Link]\nName=${name}\n`,
  };
}

export async function verdictOf(subject: BootSubject): Promise<BootCheck['verdict']> {
  return overallVerdict(await checkNetwork(subject));
}

export async function checksOf(subject: BootSubject): Promise<string[]> {
  const checks = await checkNetwork(subject);
  return checks.map(
    ({ verdict, isAdvisory, file, line, reason }) =>
      `${verdict}${isAdvisory ? ' (advisory)' : ''} ${file}${line === undefined ? '' : `:${line}`} ${reason}`,
  );
}

/** Expects that exactly one check makes the `wrong` subject not ready, and that the `right` subject is ready. */
export async function expectOneFault(
  wrong: BootSubject,
  { file, line, reason }: { file: string; line?: number; reason: RegExp },
  right: BootSubject,
): Promise<void> {
  const checks = await checkNetwork(wrong);
  expect(checks.filter(({ verdict }) => verdict !== 'ready')).toEqual([
    expect.objectContaining({ area: 'network', verdict: 'not-ready', file, reason: expect.stringMatching(reason) }),
  ]);
  expect(checks.find(({ verdict }) => verdict !== 'ready')).toHaveProperty('line', line);
  expect((await checksOf(right)).filter((each) => !each.startsWith('ready'))).toEqual([]);
  expect(await verdictOf(right)).toBe('ready');
}
