import { expect } from '@jest/globals';
import { runControl } from './controls.ts';
import { recipeOf, type Guest } from './guest-cache.ts';
import { testWithGuest } from './test-with-guest.ts';
import { WANTED_GUESTS } from './wanted-guests.ts';

// Emulation without KVM on a busy machine.
const TIME_LIMIT_MS = 15 * 60_000;
const VMWARE = { disks: 'vmware', network: 'vmware' } as const;
const VIRTIO = { disks: 'virtio', network: 'virtio' } as const;

/** How a guest fails on virtio. Those that are not named come up there without their network. */
const STOPS_AT: Record<string, RegExp> = {
  'bios-bypath': /\(initramfs\)/,
  'bios-lvm': /\(initramfs\)/,
  'uefi-xfs': /emergency mode/,
  'uefi-btrfs': /\(initramfs\)/,
  'bios-sda': /\(initramfs\)/,
  'two-kernels': /\(initramfs\)/,
  'two-disks-nics': /\(initramfs\)/,
};

function control(name: string, title: string, run: (guest: Guest) => Promise<void>): void {
  testWithGuest(name, `${name}: ${title}`, run, TIME_LIMIT_MS + 10_000);
}

for (const name of WANTED_GUESTS) {
  const names = recipeOf(name).networkCards.map((card) => `ens${card.pciSlotNumber}`);
  const everyCardUp = Object.fromEntries(names.map((card) => [card, 'up']));
  const everyCardTalked = names.map(() => true);

  control(name, 'boots on hardware like VMware’s with its network up', async (guest) => {
    const result = await runControl(guest, VMWARE, TIME_LIMIT_MS);
    expect(result).toMatchObject({ booted: true, cards: everyCardUp, talked: everyCardTalked });
  });

  const stop = STOPS_AT[name];
  if (stop === undefined) {
    control(name, 'boots on virtio with its network up as it is', async (guest) => {
      const result = await runControl(guest, VIRTIO, TIME_LIMIT_MS);
      expect(result).toMatchObject({ booted: true, talked: everyCardTalked });
      expect(Object.values(result.cards)).toEqual(names.map(() => 'up'));
    });
  } else {
    control(name, 'does not boot on virtio', async (guest) => {
      const result = await runControl(guest, VIRTIO, TIME_LIMIT_MS);
      expect(result).toMatchObject({ booted: false, sign: expect.stringMatching(stop) });
    });
    control(name, 'boots on VMware’s disks with virtio cards, without its network', async (guest) => {
      const result = await runControl(guest, { disks: 'vmware', network: 'virtio' }, TIME_LIMIT_MS);
      expect(result).toMatchObject({ booted: true, talked: names.map(() => false) });
      expect(Object.values(result.cards)).not.toContain('up');
    });
  }
}
