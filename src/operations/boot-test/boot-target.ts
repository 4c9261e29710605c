import type { BootMachine } from '../../guest/boot/qemu/boot-machine.ts';

/** The VM to boot. */
export interface BootTarget {
  name: string;
  /** A disk without a domain. */
  isDisk: boolean;
  machine: BootMachine;
  /** Parts of the target that the boot test leaves out, one sentence each. */
  warnings: string[];
}
