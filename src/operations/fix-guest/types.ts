import type { GuestNet } from '../../base/guest-net.ts';
import type { Change, ConfiguredNic } from '../../guest/change.ts';
import type { BootReport, TargetHardware } from '../../guest/contract/boot-check.ts';
import type { GuestDisk, GuestNic } from '../../guest/guest.ts';
import type { Customization, CustomizeRequest } from './customize/customize-request.ts';
import type { DeviceKey } from '../../guest/inspect/disks/unlock.ts';

/**
 * `auto` skips the fix if libguestfs is missing or there is nothing to fix; `require` fails in those cases; `off`
 * never changes guests.
 */
export const FIX_MODES = ['auto', 'require', 'off'] as const;
export type FixMode = (typeof FIX_MODES)[number];

/** The fix options of the user, independent of the VM. */
export interface FixOptions {
  fix: FixMode;
  keys: readonly DeviceKey[];
  /** The root file system of the guest, if the disks hold several. */
  root: string | undefined;
  removeVmwareTools: boolean;
  /** Add the serial console to the boot entries of a Linux guest. */
  serialConsole?: boolean | undefined;
  /** With `require`: disks with data only need no fix, instead of being an error. */
  noSystem?: boolean | undefined;
  /** The source of the Windows drivers: an ISO or a folder, as an absolute path. Undefined: Windows is not changed. */
  virtioWin: string | undefined;
  /** Only report what would be changed. The images stay identical to the byte. */
  planOnly: boolean;
  /** What to change in the guest besides, as requested; the same for all VMs. */
  customize?: CustomizeRequest | undefined;
  /** What {@link FixOptions.customize} means for one VM, from `withCustomization`. */
  customization?: Customization | undefined;
}

export interface FixGuestOptions extends FixOptions {
  fix: Exclude<FixMode, 'off'>;
  /** All images of one VM in the order of its disks. They are changed in place and are never the source's files. */
  disks: readonly GuestDisk[];
  nics: readonly GuestNic[];
  /** The hardware that the guest has to start on. */
  hardware: TargetHardware;
  /** The addresses of the guest on VMware, if they are known. */
  guestNet?: GuestNet | undefined;
  /** Called once before the first byte of an image changes. */
  beforeChange?: (() => Promise<void>) | undefined;
  /** Used to locate guestfish; defaults to the environment of the process. */
  env?: NodeJS.ProcessEnv | undefined;
}

/** The current action of the fix. */
export interface FixEvent {
  type: 'fix';
  step: 'appliance' | 'inspect' | 'plan' | 'change' | 'check' | 'finish';
  detail: string;
}

/** The outcome of the fix. */
export type FixReport =
  | {
      outcome: 'fixed' | 'planned';
      /** The guest's operating system, for people. */
      system: string;
      /** The root file system, as the appliance names it. */
      root: string;
      /** In order of execution; empty for a guest that needs no change. */
      changes: Change[];
      warnings: string[];
      /** Whether the guest can start with the current disks; for a plan, with the disks after it. */
      boot: BootReport;
      /** For a plan: whether it can start with the current disks. */
      bootBefore?: BootReport | undefined;
      /** The static addresses that the configuration assigns to the NICs; undefined for Windows. */
      configuredNics?: readonly ConfiguredNic[];
      seconds: number;
    }
  | { outcome: 'not-fixed'; reason: string; hint?: string | undefined };
