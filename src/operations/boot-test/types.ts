import type { BootFailure, BootVerdict } from '../../guest/boot/boot-verdict.ts';
import type { NicTraffic } from '../../guest/boot/observe/nic-traffic.ts';
import type { DeviceKey } from '../../guest/inspect/disks/unlock.ts';
import type { ConfiguredNic } from '../../guest/linux/network/configured-addresses.ts';
import type { ProgressEvent } from '../events.ts';

export interface BootTestOptions {
  /** A libvirt domain's XML, or a disk image; told by the content. */
  target: string;
  /** Raw, whatever the content of the image is; undefined finds the format out. Not for a domain, which names the formats of its disks. */
  inputFormat?: 'raw' | undefined;
  /** In all, from the start of the machine; undefined is 5 minutes with KVM and 20 under emulation. */
  timeoutMs: number | undefined;
  /** Of a lone disk; undefined is BIOS. A domain tells its own. */
  firmware: 'bios' | 'uefi' | undefined;
  /** Instead of the domain's; undefined is 2 GiB for a lone disk. */
  memoryBytes: number | undefined;
  /** `auto` is KVM, or emulation where KVM cannot be used. */
  accelerator: AcceleratorChoice;
  /** The passphrases of encrypted volumes, in files; typed on the serial console when the guest asks. */
  keys?: readonly Pick<DeviceKey, 'keyFile'>[] | undefined;
  /** The static addresses that the guest's configuration gives its NICs, where somebody read it. */
  configuredNics?: readonly ConfiguredNic[] | undefined;
  /** Tells where programs and job records are. */
  env: NodeJS.ProcessEnv;
}

export const ACCELERATOR_CHOICES = ['auto', 'kvm', 'tcg'] as const;
export type AcceleratorChoice = (typeof ACCELERATOR_CHOICES)[number];

/** The events of an export that a boot test has too: a `step` for each sign that is seen, with its seconds in the words. */
export type BootTestEvent = Extract<ProgressEvent, { type: 'step' | 'warning' }>;

export interface BootTestNic {
  mac: string;
  model: string;
  firstFrameSeconds: number | null;
  sent: NicTraffic;
  /** The static addresses of the guest's configuration; null where they are not known. */
  configured: string[] | null;
}

export interface BootTestResult {
  /** As it was asked for. */
  target: string;
  /** The domain's, or the file's. */
  name: string;
  verdict: BootVerdict;
  /** At least one card was heard; null for a machine without one. */
  networkUp: boolean | null;
  /** From the start of the machine to the verdict. */
  seconds: number;
  accelerator: 'kvm' | 'tcg';
  firmware: 'bios' | 'uefi';
  loginPromptSeconds: number | null;
  guestAgentSeconds: number | null;
  /** In the order of their PCI addresses. */
  nics: BootTestNic[];
  restarts: number;
  /** What failed, for the verdict `failed`; `text` is the console's line. */
  failure?: { kind: BootFailure; words: string; text: string; seconds: number };
  /** What systemd reported on the console of units that failed, each line complete. */
  failedUnits: string[];
  /** The end of the serial console. */
  lastLines: string[];
  /** A PNG (a PPM of an old QEMU); null where none could be taken. */
  picture: string | null;
  serialLog: string;
  job: string;
  warnings: string[];
  /** Why this is no proof, as a sentence, and what to do; absent when the guest came up and its network was heard. */
  problem?: { message: string; hint: string };
}
