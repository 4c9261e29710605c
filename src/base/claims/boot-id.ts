import { readFileSync } from 'node:fs';

/** Tells one start of a host from every other start, and from other hosts (random(4)); containers have that of their host. Null where there is no /proc. */
export function bootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return null;
  }
}
