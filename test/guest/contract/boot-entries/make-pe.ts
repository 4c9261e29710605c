const HEADERS_BYTES = 0x400;
const SECTION_BYTES = 40;
const CERTIFICATE = Buffer.from('a signature that nobody looks at');

/**
 * Builds a UEFI program with sections, as `objcopy --add-section` writes it: each section is padded to 512 bytes in the
 * file.
 */
export function makePe(sections: Readonly<Record<string, Buffer | string>>, { isSigned = false } = {}): Buffer {
  const header = Buffer.alloc(HEADERS_BYTES);
  header.write('MZ', 0, 'latin1');
  header.writeUInt32LE(0x40, 0x3c);
  header.write('PE\0\0', 0x40, 'latin1');
  const names = Object.keys(sections);
  header.writeUInt16LE(names.length, 0x46);
  header.writeUInt16LE(240, 0x54);
  const optionalAt = 0x58;
  header.writeUInt16LE(0x20b, optionalAt);
  header.writeUInt32LE(16, optionalAt + 108);
  const parts: Buffer[] = [header];
  let offset = HEADERS_BYTES;
  for (const [index, [name, content]] of Object.entries(sections).entries()) {
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(content, 'latin1');
    const filled = Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
    const at = optionalAt + 240 + index * SECTION_BYTES;
    header.write(name, at, 8, 'latin1');
    header.writeUInt32LE(bytes.length, at + 8);
    header.writeUInt32LE(filled.length, at + 16);
    header.writeUInt32LE(offset, at + 20);
    parts.push(filled);
    offset += filled.length;
  }
  if (isSigned) {
    const certificate = Buffer.concat([Buffer.alloc(8), CERTIFICATE]);
    certificate.writeUInt32LE(certificate.length, 0);
    certificate.writeUInt16LE(0x200, 4);
    certificate.writeUInt16LE(2, 6);
    header.writeUInt32LE(offset, optionalAt + 112 + 32);
    header.writeUInt32LE(certificate.length, optionalAt + 112 + 36);
    parts.push(certificate);
  }
  return Buffer.concat(parts);
}

export const GRUB_EFI = makePe({
  '.text': 'code',
  '.sbat': 'sbat,1,SBAT\ngrub,4,Free Software Foundation,grub,2.06,x\n',
});
export const SYSTEMD_BOOT_EFI = makePe({ '.text': 'code', '.sdmagic': '#### LoaderInfo: systemd-boot 252 ####' });

/** Builds a shim, signed or unsigned. */
export function shim(isSigned: boolean): Buffer {
  return makePe({ '.text': 'code', '.sbat': 'sbat,1,SBAT\nshim,4,UEFI shim,shim,1,x\n' }, { isSigned });
}
