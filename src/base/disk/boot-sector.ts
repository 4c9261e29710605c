/**
 * The end of the first sector of a bootable or partitioned disk: an MBR, a GPT with its protective MBR, or the boot
 * sector of a file system.
 */
export const BOOT_SIGNATURE = Buffer.from([0x55, 0xaa]);
export const BOOT_SIGNATURE_AT = 510;

/** Checks the first sector of a disk. Returns false if `head` is shorter than a sector. */
export function hasBootSignature(head: Buffer): boolean {
  return head.subarray(BOOT_SIGNATURE_AT, BOOT_SIGNATURE_AT + BOOT_SIGNATURE.length).equals(BOOT_SIGNATURE);
}
