import type { GuestRecipe } from '../recipe.ts';
import { biosBypath } from './bios-bypath.ts';
import { biosLvm } from './bios-lvm.ts';
import { biosSda } from './bios-sda.ts';
import { fit } from './fit.ts';
import { luksCrypttab } from './luks-crypttab.ts';
import { lvmDevicesFile } from './lvm-devices-file.ts';
import { lvmFiltersMd } from './lvm-filters-md.ts';
import { nicsCrosswise } from './nics-crosswise.ts';
import { nvme } from './nvme.ts';
import { persistentNet } from './persistent-net.ts';
import { systemdBoot } from './systemd-boot.ts';
import { twoDisksNics } from './two-disks-nics.ts';
import { twoKernels } from './two-kernels.ts';
import { udevMultipathVmhgfs } from './udev-multipath-vmhgfs.ts';
import { uefiBtrfs } from './uefi-btrfs.ts';
import { uefiXfs } from './uefi-xfs.ts';

/** All guests, in the order of README.md. */
export const RECIPES: readonly GuestRecipe[] = [
  biosBypath,
  biosLvm,
  uefiXfs,
  uefiBtrfs,
  biosSda,
  twoKernels,
  twoDisksNics,
  fit,
  nicsCrosswise,
  lvmFiltersMd,
  lvmDevicesFile,
  persistentNet,
  nvme,
  luksCrypttab,
  udevMultipathVmhgfs,
  systemdBoot,
];
