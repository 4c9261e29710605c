import { readFileSync } from 'node:fs';

/**
 * Returns the ID of the current boot, which differs between boots and between hosts (random(4)). Containers have the ID
 * of their host. Null if there is no /proc.
 */
export function bootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return null;
  }
}
