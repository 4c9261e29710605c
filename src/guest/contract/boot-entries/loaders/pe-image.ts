/** A section of a PE file: the location of its bytes in the file. */
export interface PeSection {
  name: string;
  offsetBytes: number;
  lengthBytes: number;
}

/** A program for firmware (PE/COFF, "Microsoft Portable Executable and Common Object File Format Specification"). */
export interface PeImage {
  sections: readonly PeSection[];
  /** The file has a certificate table with a signature. The signer is not checked. */
  isSigned: boolean;
}

const PE_HEADER_AT = 0x3c;
const COFF_BYTES = 24;
const SECTION_BYTES = 40;
const MOST_SECTIONS = 96;
const PE32_PLUS = 0x20b;
/** WIN_CERT_TYPE_PKCS_SIGNED_DATA. */
const PKCS_SIGNED_DATA = 2;

/** Parses the tables of a PE file; undefined if the file is not PE or is truncated. */
export function parsePe(bytes: Buffer): PeImage | undefined {
  if (bytes.length < 0x40 || bytes.toString('latin1', 0, 2) !== 'MZ') return undefined;
  const at = bytes.readUInt32LE(PE_HEADER_AT);
  if (at + COFF_BYTES > bytes.length || bytes.toString('latin1', at, at + 4) !== 'PE\0\0') return undefined;
  const count = bytes.readUInt16LE(at + 6);
  const optionalBytes = bytes.readUInt16LE(at + 20);
  const optional = bytes.subarray(at + COFF_BYTES, at + COFF_BYTES + optionalBytes);
  const tableAt = at + COFF_BYTES + optionalBytes;
  if (count > MOST_SECTIONS || tableAt + count * SECTION_BYTES > bytes.length) return undefined;
  const sections = Array.from({ length: count }, (_, index) => sectionAt(bytes, tableAt + index * SECTION_BYTES));
  return { sections, isSigned: hasSignature(bytes, optional) };
}

/** The bytes of a section; undefined if it is missing or lies beyond the end of the file. */
export function peSection(bytes: Buffer, image: PeImage, name: string): Buffer | undefined {
  const section = image.sections.find((each) => each.name === name);
  if (!section || section.offsetBytes + section.lengthBytes > bytes.length) return undefined;
  return bytes.subarray(section.offsetBytes, section.offsetBytes + section.lengthBytes);
}

/** The initramfs of a unified kernel image; the bytes themselves if they are not one. */
export function initramfsBytes(bytes: Buffer): Buffer {
  const image = parsePe(bytes);
  return (image && peSection(bytes, image, '.initrd')) ?? bytes;
}

/** The raw data can be longer than the loaded length, which is the relevant one for a unified kernel image. */
function sectionAt(bytes: Buffer, at: number): PeSection {
  const virtualBytes = bytes.readUInt32LE(at + 8);
  const rawBytes = bytes.readUInt32LE(at + 16);
  return {
    name: bytes.toString('latin1', at, at + 8).replace(/\0+$/, ''),
    offsetBytes: bytes.readUInt32LE(at + 20),
    lengthBytes: virtualBytes === 0 ? rawBytes : Math.min(virtualBytes, rawBytes),
  };
}

/** The certificate table is the fifth data directory; it contains a file offset. */
function hasSignature(bytes: Buffer, optional: Buffer): boolean {
  if (optional.length < 2) return false;
  const directories = optional.readUInt16LE(0) === PE32_PLUS ? 112 : 96;
  if (optional.length < directories + 5 * 8 || optional.readUInt32LE(directories - 4) < 5) return false;
  const offset = optional.readUInt32LE(directories + 4 * 8);
  const length = optional.readUInt32LE(directories + 4 * 8 + 4);
  if (length < 8 || offset + length > bytes.length) return false;
  return bytes.readUInt32LE(offset) >= 8 && bytes.readUInt16LE(offset + 6) === PKCS_SIGNED_DATA;
}

/** The kind of a UEFI program, derived from its sections and its vendors' marks. */
export type EfiProgram = 'shim' | 'grub' | 'systemd-boot' | 'unified-image' | 'other';

export function efiProgram(bytes: Buffer, image: PeImage): EfiProgram {
  if (image.sections.some(({ name }) => name === '.linux')) return 'unified-image';
  const marks = peSection(bytes, image, '.sdmagic')?.toString('latin1') ?? '';
  // One line per component: `shim,4,UEFI shim,...`.
  const lines = (peSection(bytes, image, '.sbat')?.toString('latin1') ?? '').split('\n');
  const components = new Set(lines.map((line) => line.split(',')[0]));
  if (marks.includes('systemd-boot') || bytes.includes('#### LoaderInfo: systemd-boot')) return 'systemd-boot';
  if (components.has('shim') || bytes.includes('UEFI SHIM')) return 'shim';
  if (components.has('grub') || bytes.includes('GRUB ') || bytes.includes('/grub.cfg')) return 'grub';
  return 'other';
}
