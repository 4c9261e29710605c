/**
 * Parses VMware's UUID of a virtual disk and returns 32 hexadecimal digits in lower case; undefined for anything else.
 * vSphere writes it as `6000C29a-1b2c-3d4e-5f60-718293a4b5c6` (`backing.uuid`), and a VMDK descriptor as `60 00 C2 9a
 * 1b 2c 3d 4e-5f 60 71 82 93 a4 b5 c6` (`ddb.uuid`). With `disk.EnableUUID`, it is the disk's serial number and the NAA
 * ID in its SCSI page 83h.
 */
export function diskUuidOf(text: string | undefined): string | undefined {
  const digits = text?.replace(/[\s-]/g, '').toLowerCase() ?? '';
  return /^[0-9a-f]{32}$/.test(digits) ? digits : undefined;
}
