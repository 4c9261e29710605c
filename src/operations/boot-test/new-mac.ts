import { randomBytes } from 'node:crypto';

/** A MAC address in the range that QEMU and libvirt use. */
export function newMac(): string {
  return `52:54:00:${randomBytes(3)
    .toString('hex')
    .replace(/..(?!$)/g, '$&:')}`;
}
