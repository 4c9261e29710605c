import { GuestDraft, type Fix } from '../change.ts';
import type { Guest } from '../guest.ts';
import { bootLoader } from './boot-loader/boot-loader.ts';
import { serialConsole } from './boot-loader/serial-console.ts';
import { encryptedVolumes } from './volumes/encrypted-volumes.ts';
import { initramfs } from './initramfs/initramfs.ts';
import { multipath } from './volumes/multipath.ts';
import { network } from './network.ts';
import { selinux } from './selinux.ts';
import { storageNames } from './volumes/storage-names.ts';
import { vmwareLeftovers } from './vmware.ts';
import { volumes } from './volumes/volumes.ts';

export interface FixChoices {
  /** Remove the packages of VMware's tools instead of only disabling them. */
  removeVmwareTools: boolean;
  /** Add the serial console to the boot entries. */
  serialConsole?: boolean | undefined;
}

/**
 * All fixes in order: the initramfs follows the fixes of the files that are copied into it, and the labels are last.
 */
export function linuxFixes({ removeVmwareTools, serialConsole: hasConsole = false }: FixChoices): Fix[] {
  return [
    storageNames,
    encryptedVolumes,
    volumes,
    multipath,
    bootLoader,
    ...(hasConsole ? [serialConsole] : []),
    network,
    vmwareLeftovers({ removeTools: removeVmwareTools }),
    initramfs,
    selinux,
  ];
}

/** Plans everything that `fixes` would change to make the guest start on virtio. The guest is only read. */
export async function planFixes(guest: Guest, fixes: readonly Fix[]): Promise<GuestDraft> {
  const draft = new GuestDraft(guest);
  for (const fix of fixes) await fix.plan(guest, draft);
  return draft;
}
