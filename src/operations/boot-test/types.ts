import type { BootFailure, BootVerdict } from '../../guest/boot/boot-verdict.ts';
import type { NicTraffic } from '../../guest/boot/observe/nic-traffic.ts';
import type { DeviceKey } from '../../guest/inspect/disks/unlock.ts';
import type { ConfiguredNic } from '../../guest/change.ts';
import type { FoundGuestNet } from '../guest-net/read-guest-net.ts';
import type { ProgressEvent } from '../events.ts';
import type { NicAddress } from './nic-address.ts';

export interface BootTestOptions {
  /** A libvirt domain XML or a disk image; detected by content. */
  target: string;
  /**
   * Treat the image as raw, whatever it contains; undefined detects the format. Not for a domain, which names the
   * formats of its disks.
   */
  inputFormat?: 'raw' | undefined;
  /** The total limit from the start of the VM; defaults to 5 minutes with KVM and 20 minutes in emulation. */
  timeoutMs: number | undefined;
  /** The firmware for a standalone disk image; defaults to BIOS. A domain specifies its own. */
  firmware: 'bios' | 'uefi' | undefined;
  /** Overrides the domain's memory; defaults to 2 GiB for a standalone disk image. */
  memoryBytes: number | undefined;
  /** `auto` uses KVM, or emulation if KVM does not work. */
  accelerator: AcceleratorChoice;
  /**
   * Files with the passphrases of encrypted volumes. A passphrase is typed on the serial console when the guest
   * prompts for it.
   */
  keys?: readonly Pick<DeviceKey, 'keyFile'>[] | undefined;
  /** The static addresses that the guest's configuration assigns to its NICs, if the configuration was read. */
  configuredNics?: readonly ConfiguredNic[] | undefined;
  /** The file with the addresses, if `guestNet` is not given; undefined looks for one next to the target. */
  guestNetFile?: string | undefined;
  /** The addresses of the guest on VMware, if they are known. */
  guestNet?: Pick<FoundGuestNet, 'nics'> | undefined;
  /** A NIC that does not use the address that is expected of it is a problem instead of a warning. */
  requireAddresses?: boolean | undefined;
  /** Used to locate programs and job records. */
  env: NodeJS.ProcessEnv;
}

export const ACCELERATOR_CHOICES = ['auto', 'kvm', 'tcg'] as const;
export type AcceleratorChoice = (typeof ACCELERATOR_CHOICES)[number];

/**
 * The export events that a boot test reports too: a `step` for each sign that is seen, with the elapsed seconds in
 * its text.
 */
export type BootTestEvent = Extract<ProgressEvent, { type: 'step' | 'warning' }>;

export interface BootTestNic {
  mac: string;
  model: string;
  firstFrameSeconds: number | null;
  sent: NicTraffic;
  /** The static addresses in the guest's configuration; null if they are not known. */
  configured: string[] | null;
  address: NicAddress;
}

export interface BootTestResult {
  /** The target as given. */
  target: string;
  /** The name of the domain or of the file. */
  name: string;
  verdict: BootVerdict;
  /** At least one NIC was heard; null for a VM without NICs. */
  networkUp: boolean | null;
  /** From the start of the VM to the verdict. */
  seconds: number;
  accelerator: 'kvm' | 'tcg';
  firmware: 'bios' | 'uefi';
  loginPromptSeconds: number | null;
  guestAgentSeconds: number | null;
  /** In PCI address order. */
  nics: BootTestNic[];
  restarts: number;
  /** What failed, for the verdict `failed`; `text` is the console line. */
  failure?: { kind: BootFailure; words: string; text: string; seconds: number };
  /** The failed units that systemd reported on the console, each as a complete line. */
  failedUnits: string[];
  /** The last lines of the serial console. */
  lastLines: string[];
  /** A PNG file (PPM with an old QEMU); null if no screenshot could be taken. */
  picture: string | null;
  serialLog: string;
  job: string;
  warnings: string[];
  /** Why this is not a proof, as a sentence, and the remedy; absent if the guest came up and its network was heard. */
  problem?: { message: string; hint: string };
}
