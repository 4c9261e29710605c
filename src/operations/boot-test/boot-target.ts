import type { BootMachine } from '../../guest/boot/qemu/boot-machine.ts';

/** What is to be booted. */
export interface BootTarget {
  name: string;
  /** A disk without a domain. */
  isDisk: boolean;
  machine: BootMachine;
  /** What of the target the boot test leaves out, a sentence each. */
  warnings: string[];
}
