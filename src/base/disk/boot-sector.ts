/** What ends the first sector of a disk that firmware may start, or that is partitioned: with an MBR, a GPT behind its protective MBR, or the boot sector of a file system. */
export const BOOT_SIGNATURE = Buffer.from([0x55, 0xaa]);
export const BOOT_SIGNATURE_AT = 510;

/** Of the first sector of a disk, or more; false for less. */
export function hasBootSignature(head: Buffer): boolean {
  return head.subarray(BOOT_SIGNATURE_AT, BOOT_SIGNATURE_AT + BOOT_SIGNATURE.length).equals(BOOT_SIGNATURE);
}
