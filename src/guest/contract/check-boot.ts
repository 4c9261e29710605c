import { checkBootEntries } from './boot-entries/check-boot-entries.ts';
import { checkNetwork } from './network.ts';
import { checkLabels } from './labels.ts';
import { checkMounts } from './mounts.ts';
import { checkInitramfs } from './initramfs/check-initramfs.ts';
import {
  overallVerdict,
  type BootCheck,
  type BootCheckReader,
  type BootReport,
  type BootSubject,
} from './boot-check.ts';

const READERS: readonly BootCheckReader[] = [checkBootEntries, checkInitramfs, checkMounts, checkNetwork, checkLabels];

/**
 * Checks the boot contract: resolves everything that the guest reads when it starts on the hardware of its domain. It
 * examines only the disks, so it finds what a fix missed or broke. Writes nothing.
 */
export async function checkBoot(subject: BootSubject): Promise<BootReport> {
  const checks: BootCheck[] = [];
  for (const read of READERS) checks.push(...(await read(subject)));
  return { verdict: overallVerdict(checks), checks };
}
