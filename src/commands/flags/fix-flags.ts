import { resolve } from 'node:path';
import { Flags, type Interfaces } from '@oclif/core';
import { Hyper2kvmError } from '../../base/errors.ts';
import type { OptionalValue } from '../../cli/input/optional-values.ts';
import { FIX_MODES, type FixOptions } from '../../operations/fix-guest/types.ts';

/** Used by `convert`, `export` and `boot-test`. */
export const KEY_FLAG = Flags.string({
  multiple: true,
  multipleNonGreedy: true,
  helpValue: 'DEVICE:file:PATH',
  description:
    'File with the passphrase of an encrypted guest volume, such as /dev/sda3:file:/root/key, where /dev/sda3 is the third partition of the first disk, or all:file:PATH for every volume. May be repeated. A boot test types it on the serial console when the guest asks.',
});

/** The meaning of `--guest-agent` without a value. A folder of that name is `./first-boot`. */
const AT_FIRST_BOOT = 'first-boot';

/** A path could be the folder, or the inventory path of a VM. */
export const OPTIONAL_GUEST_AGENT: OptionalValue = {
  bare: AT_FIRST_BOOT,
  accepts: (word) => /^(\.{0,2}|~)\//.test(word),
};

/** The flags for changing the guest, shared by `convert` and `export`. */
export const FIX_FLAGS = {
  fix: Flags.option({
    options: FIX_MODES,
    description:
      'Prepare Linux guests for KVM: virtio drivers in the initramfs, stable disk names, unchanged NIC names. The result is then checked as the guest will read it: boot entries, initramfs, mounts, network. auto continues whatever the check finds, and gives a guest that is not ready the hardware of its source. require ends with exit code 16 if the guest is not ready; it keeps the disks, and the same command continues with them. off does not change the guest. The source is never changed. Default: auto.',
  })(),
  key: KEY_FLAG,
  root: Flags.string({
    helpValue: 'DEVICE',
    description:
      'Root file system of the guest to prepare, if the disks contain several systems, such as /dev/sda2 or /dev/vg/root.',
  }),
  'remove-vmware-tools': Flags.boolean({
    default: false,
    description: 'Remove the VMware Tools packages from a Linux guest. By default, only their services are disabled.',
  }),
  'serial-console': Flags.boolean({
    default: false,
    description:
      'Add a serial console (ttyS0) to the boot entries of a Linux guest, for virsh console. The screen stays the main console.',
  }),
  'no-system': Flags.boolean({
    default: false,
    description:
      'Accept disks that contain only data with --fix require: there is nothing to fix then. Without this flag, a VM without an operating system is an error.',
  }),
  'virtio-win': Flags.string({
    helpValue: 'PATH',
    description:
      'Prepare Windows guests: virt-v2v-in-place installs drivers from virtio-win. PATH is virtio-win.iso or a folder with its content, such as /usr/share/virtio-win/virtio-win.iso. Without this flag, Windows is not changed.',
  }),
  customize: Flags.string({
    helpValue: 'FILE',
    description:
      'Run the commands of this file in the guest after the fix, with virt-customize: users, keys, files, packages, first-boot scripts. {vm} in the path is the name of the VM. The commands are checked before any work. If one of them fails, the VM fails with exit code 16, and no changed disk is kept.',
  }),
  firstboot: Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    helpValue: 'FILE',
    description:
      'Run this script at the first boot of the guest, as root. {vm} in the path is the name of the VM. May be repeated. Needs virt-customize.',
  }),
  'customize-network': Flags.boolean({
    default: false,
    description:
      'Let the commands of --customize use the network of this host, for example to install packages. Without it, they have no network.',
  }),
  'guest-agent': Flags.string({
    helpValue: '[=DIR]',
    description:
      'Install the QEMU guest agent in Linux guests that do not have it, and enable its service. DIR has packages, directly or in folders by release such as debian-12 or rhel-9. Without DIR, the guest installs it at its first boot from its own repositories. Windows gets it with --virtio-win.',
  }),
};

/** Only for `convert`: `export` would have to download all disks for it. */
export const FIX_PLAN_FLAG = Flags.boolean({
  default: false,
  description:
    'Show what would be changed in the guest, and whether it can start on its new hardware before and after that, without writing anything. The changes are made in a temporary overlay. Images that QEMU cannot read directly, such as those in an OVA, are first converted to temporary files.',
});

/** Verifies the result. Used by `convert` and `export`. */
export const BOOT_TEST_FLAG = Flags.boolean({
  default: false,
  description:
    'Boot the result in QEMU without changing it, and end with exit code 16 if the guest or its network does not come up. The images are kept.',
});

/** Used by `convert`, `export` and `boot-test`. */
export const BOOT_TEST_ADDRESSES_FLAG = Flags.boolean({
  default: false,
  description:
    'Fail the boot test if a NIC does not use the address that it had on VMware or has in the configuration of the guest, or if no address is known to compare with. Without this flag, a difference is a warning.',
});

/** Used by `convert` and `boot-test`. */
export const GUEST_NET_FLAG = Flags.string({
  helpValue: 'FILE',
  description:
    'File with the addresses of the guest on VMware, as export writes it or written by hand. Default: NAME.guest-net.json next to the source or the domain, if it exists.',
});

/** @throws usage error for an empty path. */
export function readGuestNetFile(text: string | undefined): string | undefined {
  return readPath('--guest-net', text);
}

/** @throws usage error without a boot test. */
export function readBootTestAddresses(flags: { 'boot-test': boolean; 'boot-test-addresses': boolean }): boolean {
  if (flags['boot-test-addresses'] && !flags['boot-test']) {
    throw new Hyper2kvmError('usage', '--boot-test-addresses needs --boot-test.', { hint: 'Add --boot-test.' });
  }
  return flags['boot-test-addresses'];
}

/** Flags that are meaningless with `--fix off`, which promises not to change the guest. */
export const FIX_ONLY = [
  'fix-plan',
  'key',
  'root',
  'remove-vmware-tools',
  'serial-console',
  'no-system',
  'virtio-win',
  'customize',
  'firstboot',
  'customize-network',
  'guest-agent',
] as const;

type Values = Interfaces.InferredFlags<typeof FIX_FLAGS>;
type CustomizeFlag = 'customize' | 'firstboot' | 'customize-network' | 'guest-agent';
/** A rehearsal of `sync` has no flags for a customization. */
type FixFlagValues = Omit<Values, CustomizeFlag> & { [Name in CustomizeFlag]?: Values[Name] } & { 'fix-plan': boolean };

/**
 * Parses the flags for changing the guest.
 * @throws usage errors for invalid values and for incompatible flags.
 */
export function readFixOptions(flags: FixFlagValues): FixOptions {
  const { fix = 'auto' } = flags;
  const needless = FIX_ONLY.find((name) => flags[name] !== undefined && flags[name] !== false);
  if (fix === 'off' && needless !== undefined) {
    throw new Hyper2kvmError('usage', `--${needless} has no effect with --fix off.`, { hint: 'Omit one of them.' });
  }
  return {
    // A plan requires a fix to plan.
    fix: flags['fix-plan'] ? 'require' : fix,
    planOnly: flags['fix-plan'],
    keys: readKeys(flags.key),
    root: flags.root,
    removeVmwareTools: flags['remove-vmware-tools'],
    serialConsole: flags['serial-console'],
    noSystem: flags['no-system'],
    virtioWin: readPath('--virtio-win', flags['virtio-win']),
    customize: readCustomize(flags),
  };
}

function readCustomize(flags: FixFlagValues): FixOptions['customize'] {
  const { customize, firstboot = [], 'customize-network': network = false, 'guest-agent': agent } = flags;
  const isRequested = customize !== undefined || firstboot.length > 0 || agent !== undefined;
  if (!isRequested) {
    if (!network) return undefined;
    throw new Hyper2kvmError('usage', '--customize-network needs --customize.', { hint: 'Add --customize FILE.' });
  }
  const guestAgent =
    agent === undefined
      ? undefined
      : { packages: agent === AT_FIRST_BOOT ? undefined : readPath('--guest-agent', agent) };
  return {
    file: readPath('--customize', customize),
    firstboot: firstboot.map((path) => readPath('--firstboot', path) ?? ''),
    network,
    guestAgent,
  };
}

function readPath(flag: string, text: string | undefined): string | undefined {
  if (text === '') throw new Hyper2kvmError('usage', `${flag} is empty.`, { hint: 'Name a file or a folder.' });
  return text === undefined ? undefined : resolve(text);
}

/**
 * Parses the values of `--key`.
 * @throws usage error for a value in another form.
 */
export function readKeys(values: readonly string[] = []): FixOptions['keys'] {
  return values.map(readKey);
}

function readKey(text: string): FixOptions['keys'][number] {
  const [, device, keyFile] = /^(all|\/dev\/[^:]+):file:(.+)$/.exec(text) ?? [];
  if (device !== undefined && keyFile !== undefined) return { device, keyFile };
  // The text may contain the passphrase itself (`DEVICE:key:SECRET`), so no message repeats it.
  throw new Hyper2kvmError('usage', '--key must be DEVICE:file:PATH.', {
    hint: 'For example, --key /dev/sda3:file:/root/passphrase. Passphrases are read only from files, since all users of the host can see flags.',
  });
}
