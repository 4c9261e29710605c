import { expect } from '@jest/globals';
import { runControl } from './controls.ts';
import { recipeOf, type Guest } from './guest-cache.ts';
import { reachedGateways } from './guest-report.ts';
import { cardName } from './recipe.ts';
import { testWithGuest } from './test-with-guest.ts';
import { WANTED_GUESTS } from './wanted-guests.ts';

// Enough for emulation without KVM on a busy host.
const TIME_LIMIT_MS = 15 * 60_000;
const VMWARE = { disks: 'vmware', network: 'vmware' } as const;
const VIRTIO = { disks: 'virtio', network: 'virtio' } as const;

const INITRAMFS_SHELL = /\(initramfs\)/;
const EMERGENCY_MODE = /emergency mode/;

/** How each guest fails on virtio. Guests that are not listed boot there. */
const STOPS_AT: Record<string, RegExp> = {
  'bios-bypath': INITRAMFS_SHELL,
  'bios-lvm': INITRAMFS_SHELL,
  'uefi-xfs': EMERGENCY_MODE,
  'uefi-btrfs': INITRAMFS_SHELL,
  'bios-sda': INITRAMFS_SHELL,
  'two-kernels': INITRAMFS_SHELL,
  'two-disks-nics': INITRAMFS_SHELL,
  'lvm-filters-md': INITRAMFS_SHELL,
  'lvm-devices-file': EMERGENCY_MODE,
  nvme: INITRAMFS_SHELL,
  'luks-crypttab': INITRAMFS_SHELL,
  'systemd-boot': INITRAMFS_SHELL,
  'udev-multipath-vmhgfs': EMERGENCY_MODE,
};

/** Guests that boot on virtio, with the NICs that do not reach their gateways there. */
const SILENT_ON_VIRTIO: Record<string, readonly string[]> = {
  'nics-crosswise': ['00:50:56:8a:09:01', '00:50:56:8a:09:02'],
  'persistent-net': ['00:50:56:8a:11:02'],
};

function control(name: string, title: string, run: (guest: Guest) => Promise<void>): void {
  testWithGuest(name, `${name}: ${title}`, run, TIME_LIMIT_MS + 10_000);
}

for (const name of WANTED_GUESTS) {
  const { networkAdapters } = recipeOf(name);
  const upByMac = Object.fromEntries(
    networkAdapters.map((card) => [card.macAddress, expect.objectContaining({ name: cardName(card), state: 'up' })]),
  );
  const everyCardTalked = networkAdapters.map(() => true);
  const reachedBut = (silent: readonly string[]): Record<string, boolean> =>
    Object.fromEntries(networkAdapters.map(({ macAddress }) => [macAddress, !silent.includes(macAddress)]));

  control(name, 'boots on hardware like VMware’s: each NIC reaches its gateway, no unit failed', async (guest) => {
    const { talked, report } = await runControl(guest, VMWARE, TIME_LIMIT_MS);
    expect(report).toMatchObject({ nics: upByMac, failedUnits: [] });
    expect(report && reachedGateways(report)).toEqual(reachedBut([]));
    expect(talked).toEqual(everyCardTalked);
  });

  const stop = STOPS_AT[name];
  if (stop !== undefined) {
    control(name, 'does not boot on virtio', async (guest) => {
      const result = await runControl(guest, VIRTIO, TIME_LIMIT_MS);
      expect(result).toMatchObject({ booted: false, sign: expect.stringMatching(stop) });
    });
    control(name, 'boots on VMware’s disks with virtio NICs, of which none is configured', async (guest) => {
      const { talked, report } = await runControl(guest, { disks: 'vmware', network: 'virtio' }, TIME_LIMIT_MS);
      expect(Object.values(report?.nics ?? {})).toEqual(
        networkAdapters.map(() => expect.objectContaining({ state: 'down', addresses: [] })),
      );
      expect(talked).toEqual(networkAdapters.map(() => false));
    });
  } else {
    const silent = SILENT_ON_VIRTIO[name] ?? [];
    const title = `boots on virtio as it is, where ${silent.length} of its NICs do not reach their gateways`;
    control(name, title, async (guest) => {
      const { report } = await runControl(guest, VIRTIO, TIME_LIMIT_MS);
      expect(report && reachedGateways(report)).toEqual(reachedBut(silent));
    });
  }
}
