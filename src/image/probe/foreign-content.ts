import type { OpenFile } from '../file/open-file.ts';

/** Returns the remedy as a sentence; `file` is the path, quoted for the shell. */
type Remedy = (file: string) => string;

/** The type of a file that is neither a supported image nor a raw disk. */
export interface ForeignContent {
  /** Completes "it is …" or "it has …". */
  what: string;
  remedy?: Remedy | undefined;
}

/** The signature at the highest offset is the region table of a VHDX, at 192 KiB. */
const HEAD_BYTES = 200 * 1024;
const TAIL_BYTES = 512;

const run =
  (what: string, command: string): Remedy =>
  (file) =>
    `${what} with: ${command} ${file}`;
const decompress = (command: string): Remedy => run('Decompress it first', command);
const extract = (command: string): Remedy => run('Extract the disk image first', command);
const convert =
  (format: string): Remedy =>
  (file) =>
    `Convert it first with: qemu-img convert -f ${format} -O qcow2 ${file} disk.qcow2`;
const DAMAGED: Remedy = () => 'Download the file again, or export the VM again.';

/** Formats by their signature; `at` is its offset if that is not 0. */
const SIGNS: readonly { what: string; bytes: string; at?: number; remedy?: Remedy }[] = [
  { what: 'compressed with gzip', bytes: '\x1f\x8b', remedy: decompress('gunzip') },
  { what: 'compressed with xz', bytes: '\xfd7zXZ\0', remedy: decompress('xz -d') },
  { what: 'compressed with bzip2', bytes: 'BZh', remedy: decompress('bunzip2') },
  { what: 'compressed with Zstandard', bytes: '\x28\xb5\x2f\xfd', remedy: decompress('zstd -d') },
  { what: 'compressed with LZ4', bytes: '\x04\x22\x4d\x18', remedy: decompress('lz4 -d') },
  { what: 'compressed with lzip', bytes: 'LZIP', remedy: decompress('lzip -d') },
  { what: 'compressed with lzop', bytes: '\x89LZO\0', remedy: decompress('lzop -d') },
  { what: 'compressed with LZMA', bytes: '\x5d\0\0', remedy: decompress('xz --format=lzma -d') },
  { what: 'compressed with compress', bytes: '\x1f\x9d', remedy: decompress('uncompress') },
  { what: 'a ZIP archive', bytes: 'PK\x03\x04', remedy: extract('unzip') },
  { what: 'an empty ZIP archive', bytes: 'PK\x05\x06' },
  { what: 'a part of a ZIP archive', bytes: 'PK\x07\x08', remedy: extract('7z x') },
  { what: 'a 7z archive', bytes: '7z\xbc\xaf\x27\x1c', remedy: extract('7z x') },
  { what: 'a RAR archive', bytes: 'Rar!\x1a\x07', remedy: extract('unrar x') },
  { what: 'a cabinet archive', bytes: 'MSCF\0\0\0\0', remedy: extract('7z x') },
  { what: 'a Windows image (WIM)', bytes: 'MSWIM\0\0\0' },
  { what: 'a cpio archive', bytes: '07070', remedy: run('Extract the disk image first', 'cpio -idF') },
  { what: 'an RPM package', bytes: '\xed\xab\xee\xdb' },
  { what: 'a Debian package or an ar archive', bytes: '!<arch>\n' },
  { what: 'a tar archive', bytes: 'ustar', at: 257, remedy: extract('tar -xf') },
  { what: 'a QED image', bytes: 'QED\0', remedy: convert('qed') },
  { what: 'a Parallels image', bytes: 'WithoutFreeSpace', remedy: convert('parallels') },
  { what: 'a Parallels image', bytes: 'WithouFreSpacExt', remedy: convert('parallels') },
  { what: 'a Bochs image', bytes: 'Bochs Virtual HD Image', remedy: convert('bochs') },
  { what: 'a cloop image', bytes: '#!/bin/sh\n#V2.0 Format\n', remedy: convert('cloop') },
  { what: 'an encrypted LUKS volume', bytes: 'LUKS\xba\xbe', remedy: rawInput },
  { what: 'an Android sparse image', bytes: '\x3a\xff\x26\xed', remedy: run('Convert it first', 'simg2img') },
  { what: 'an Apple sparse disk image', bytes: 'sprs' },
  { what: 'an Apple sparse disk image', bytes: 'shdw' },
  { what: 'an encrypted Apple disk image', bytes: 'encrcdsa' },
  { what: 'an EWF (EnCase) image', bytes: 'EVF\x09\x0d\x0a\xff\0', remedy: run('Convert it first', 'ewfexport') },
  { what: 'a Partclone image', bytes: 'partclone-image' },
  { what: 'a Proxmox VMA archive', bytes: 'VMA\0', remedy: extract('vma extract') },
  { what: 'a VirtualBox VDI whose signature is damaged', bytes: '<<< ', remedy: DAMAGED },
  { what: 'a VHD whose header is damaged', bytes: 'cxsparse', at: 512, remedy: DAMAGED },
  { what: 'a Linux kernel', bytes: 'HdrS', at: 514 },
  { what: 'a program', bytes: '\x7fELF' },
  { what: 'a PDF document', bytes: '%PDF-' },
  { what: 'a core dump or a saved state of a VM', bytes: 'QEVM' },
  { what: 'a suspended state or a snapshot of the memory of a VMware VM', bytes: '\xd2\xbe\xd2\xbe' },
  { what: 'a suspended state or a snapshot of the memory of a VMware VM', bytes: '\xd3\xbe\xd2\xbe' },
  { what: 'the NVRAM of a VMware VM', bytes: 'MRVN' },
];

/** The structures of a VHDX after its file identifier (MS-VHDX, 2.2). */
const VHDX_HEADER_AT = 64 * 1024;
const VHDX_REGIONS_AT = 192 * 1024;
/** An Apple UDIF image ends with a 512-byte block that starts with `koly`. */
const DMG_TRAILER = 'koly';
/** A VHD ends with its footer, which was 511 bytes long before Virtual PC 2004. */
const VHD_FOOTER = 'conectix';

/** The remedy for content that can be a raw disk after all. */
export function rawInput(): string {
  return 'If it is a raw disk, use --input-format raw.';
}

/** Identifies `file` as one of the known formats that are not disks; undefined if it is none of them. */
export async function foreignContent(file: OpenFile): Promise<ForeignContent | undefined> {
  if (file.sizeBytes === 0) return { what: 'empty' };
  const head = await file.read(0, HEAD_BYTES);
  const sign = SIGNS.find(({ bytes, at = 0 }) => startsWith(head, bytes, at));
  if (sign !== undefined) return sign;
  if (startsWith(head, 'head', VHDX_HEADER_AT) && startsWith(head, 'regi', VHDX_REGIONS_AT)) {
    return { what: 'a VHDX whose file identifier is damaged', remedy: DAMAGED };
  }
  const tail = await file.read(Math.max(0, file.sizeBytes - TAIL_BYTES), TAIL_BYTES);
  if (startsWith(tail, DMG_TRAILER)) return { what: 'an Apple disk image (DMG)', remedy: convert('dmg') };
  if (startsWith(tail, VHD_FOOTER) || startsWith(tail, VHD_FOOTER, 1)) {
    return { what: 'a VHD whose footer is damaged', remedy: DAMAGED };
  }
  return undefined;
}

function startsWith(bytes: Buffer, text: string, at = 0): boolean {
  return bytes.toString('latin1', at, at + text.length) === text;
}
