import type { Change } from '../../guest/change.ts';
import type { BootReport, TargetHardware } from '../../guest/contract/boot-check.ts';
import type { GuestDisk, GuestNic } from '../../guest/guest.ts';
import type { ConfiguredNic } from '../../guest/linux/network/configured-addresses.ts';
import type { DeviceKey } from '../../guest/inspect/disks/unlock.ts';

/** `auto` does without where libguestfs is missing or there is nothing to fix; `require` fails then; `off` leaves guests alone. */
export const FIX_MODES = ['auto', 'require', 'off'] as const;
export type FixMode = (typeof FIX_MODES)[number];

/** What a person wants of the fix, whatever the machine. */
export interface FixOptions {
  fix: FixMode;
  keys: readonly DeviceKey[];
  /** The file system of the system, where there are several. */
  root: string | undefined;
  removeVmwareTools: boolean;
  /** Where the drivers for Windows come from: an ISO or a folder, as an absolute path. Undefined: Windows is not changed. */
  virtioWin: string | undefined;
  /** Only tell what would be changed. The images stay as they are to the byte. */
  planOnly: boolean;
}

export interface FixGuestOptions extends FixOptions {
  fix: Exclude<FixMode, 'off'>;
  /** All images of one machine in the order in which it saw them. They are changed in place: never the source's. */
  disks: readonly GuestDisk[];
  nics: readonly GuestNic[];
  /** What the guest has to start on. */
  hardware: TargetHardware;
  /** Called once before the first byte of an image changes. */
  beforeChange?: (() => Promise<void>) | undefined;
  /** Tells where guestfish is; undefined is that of the process. */
  env?: NodeJS.ProcessEnv | undefined;
}

/** What the fix is doing now. */
export interface FixEvent {
  type: 'fix';
  step: 'appliance' | 'inspect' | 'plan' | 'change' | 'check' | 'finish';
  detail: string;
}

/** What became of the guest. */
export type FixReport =
  | {
      outcome: 'fixed' | 'planned';
      /** The system, for a person. */
      system: string;
      /** The file system that it is on, as the appliance calls it. */
      root: string;
      /** In their order; none for a guest that needs no change. */
      changes: Change[];
      warnings: string[];
      /** Whether the guest can start as its disks are now; of a plan, as they would be. */
      boot: BootReport;
      /** Of a plan: whether it can start as its disks are. */
      bootBefore?: BootReport | undefined;
      /** The static addresses that the configuration gives the NICs; undefined for Windows. */
      configuredNics?: readonly ConfiguredNic[];
      seconds: number;
    }
  | { outcome: 'not-fixed'; reason: string; hint?: string | undefined };
