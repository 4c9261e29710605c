import { resolve } from 'node:path';
import { Flags, type Interfaces } from '@oclif/core';
import { Hyper2kvmError } from '../../base/errors.ts';
import { FIX_MODES, type FixOptions } from '../../operations/fix-guest/types.ts';

/** Of `convert`, `export` and `boot-test`. */
export const KEY_FLAG = Flags.string({
  multiple: true,
  multipleNonGreedy: true,
  helpValue: 'DEVICE:file:PATH',
  description:
    'Passphrase of an encrypted volume of the guest, in a file: /dev/sda3:file:/root/key, where /dev/sda3 is the third partition of the first disk, or all:file:PATH. Can be given several times. A boot test types it on the serial console when the guest asks.',
});

/** The flags about changing the guest, which `convert` and `export` share. */
export const FIX_FLAGS = {
  fix: Flags.option({
    options: FIX_MODES,
    description:
      'Prepare Linux guests for KVM: virtio drivers in the initramfs, stable disk names, unchanged NIC names. The result is then checked as the guest will read it: boot entries, initramfs, mounts, network. auto goes on whatever the check finds, and gives a guest that is not ready the hardware of its source; require ends with code 16, keeps the disks, and goes on with them when the same command runs again; off leaves the guest as it is. The source is never changed. Default: auto.',
  })(),
  key: KEY_FLAG,
  root: Flags.string({
    helpValue: 'DEVICE',
    description: 'The file system of the system to change, where a guest has several: /dev/sda2, /dev/vg/root.',
  }),
  'remove-vmware-tools': Flags.boolean({
    default: false,
    description:
      'Remove the packages of VMware Tools from a Linux guest. Without it their services are only switched off.',
  }),
  'virtio-win': Flags.string({
    helpValue: 'PATH',
    description:
      'Prepare Windows guests too: virt-v2v-in-place installs the drivers that virtio-win has for them. PATH is virtio-win.iso or a folder with its content, as /usr/share/virtio-win/virtio-win.iso. Without it Windows is not changed.',
  }),
};

/** Only of `convert`: an export would fetch all disks for it. */
export const FIX_PLAN_FLAG = Flags.boolean({
  default: false,
  description:
    'Show what would be changed in the guest, and whether it can start on its new hardware before and after that. Nothing is written: the changes are made in an overlay that is thrown away. Images that QEMU cannot read as they stand, as those in an OVA, are converted for it first, into files that do not stay.',
});

/** Proves the result. Of `convert` and `export`. */
export const BOOT_TEST_FLAG = Flags.boolean({
  default: false,
  description:
    'Boot the result in QEMU, without changing it, and end with code 16 when the guest does not come up with its network. The images stay.',
});

type FixFlagValues = Interfaces.InferredFlags<typeof FIX_FLAGS> & { 'fix-plan': boolean };

/** Reads the flags about changing the guest. Throws usage errors for values and for flags that do not go together. */
export function readFixOptions(flags: FixFlagValues): FixOptions {
  const { fix = 'auto' } = flags;
  const needless = (['fix-plan', 'key', 'root', 'remove-vmware-tools', 'virtio-win'] as const).find(
    (name) => flags[name] !== undefined && flags[name] !== false,
  );
  if (fix === 'off' && needless !== undefined) {
    throw new Hyper2kvmError('usage', `--${needless} does nothing with --fix off.`, { hint: 'Leave one of them out.' });
  }
  return {
    // A plan of nothing is no plan.
    fix: flags['fix-plan'] ? 'require' : fix,
    planOnly: flags['fix-plan'],
    keys: readKeys(flags.key),
    root: flags.root,
    removeVmwareTools: flags['remove-vmware-tools'],
    virtioWin: readPath('--virtio-win', flags['virtio-win']),
  };
}

function readPath(flag: string, text: string | undefined): string | undefined {
  if (text === '') throw new Hyper2kvmError('usage', `${flag} is empty.`, { hint: 'Name a file or a folder.' });
  return text === undefined ? undefined : resolve(text);
}

/** The values of `--key`. Throws a usage error for one of another form. */
export function readKeys(values: readonly string[] = []): FixOptions['keys'] {
  return values.map(readKey);
}

function readKey(text: string): FixOptions['keys'][number] {
  const [, device, keyFile] = /^(all|\/dev\/[^:]+):file:(.+)$/.exec(text) ?? [];
  if (device !== undefined && keyFile !== undefined) return { device, keyFile };
  // The text may hold the passphrase itself (`DEVICE:key:SECRET`), which no message repeats.
  throw new Hyper2kvmError('usage', '--key wants DEVICE:file:PATH.', {
    hint: 'As --key /dev/sda3:file:/root/passphrase; a passphrase never stands in a flag, which every user of the host can see.',
  });
}
