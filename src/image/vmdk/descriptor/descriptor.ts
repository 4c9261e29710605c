/**
 * The text descriptor: `key=value` lines, and one line for each extent of the disk in order. Source: "Virtual Disk
 * Format 5.0", section "The Descriptor File".
 *
 *     RW 4192256 SPARSE "disk-s001.vmdk"
 *     RW 4192256 FLAT "disk-f001.vmdk" 0
 *     access, sectors, type, file, and the sector of the file where a flat extent starts
 */
import { diskUuidOf } from '../../../base/disk/disk-uuid.ts';
import { descriptorValues } from './descriptor-facts.ts';

/** Longer descriptors do not occur, and qemu does not read more either. */
export const MAX_DESCRIPTOR_BYTES = 1 << 20;
/** The largest disks of hosted products are 8 TiB, which is 4,098 extents of 2,047 MiB. Each extent is an open file. */
const MAX_EXTENTS = 8192;

/** A file name from the descriptor. */
export interface FileName {
  bytes: Buffer;
  /**
   * The name, decoded with the descriptor's encoding. Used for messages, and for files whose names were converted to
   * UTF-8 when they were copied.
   */
  text: string;
}

export interface ExtentLine {
  /** Offset of the line in the text of the descriptor. */
  offsetBytes: number;
  sectors: number;
  /** In upper case: `SPARSE`, `FLAT`. */
  type: string;
  name: FileName | undefined;
  startSector: number;
}

export interface VmdkDescriptor {
  /** Usually eight hexadecimal digits. Undefined if it is missing or not a number. */
  cid: number | undefined;
  /** Undefined if the disk has no parent. */
  parentCid: number | undefined;
  parentName: FileName | undefined;
  createType: string;
  /** UUID of the disk (`ddb.uuid`), which its snapshots share: 32 hexadecimal digits. */
  uuid: string | undefined;
  extents: ExtentLine[];
}

const NO_PARENT = 0xffff_ffff;
/** The name is everything between the first and the last quote, because it can contain quotes. */
const EXTENT_LINE = /^(RW|RDONLY|NOACCESS)[ \t]+(\d+)[ \t]+([A-Z0-9]+)(?:[ \t]+"(.*)"[ \t]*(\d*))?[ \t]*$/i;
const EXTENT_START = /^(?:RW|RDONLY|NOACCESS)[ \t]/i;

/**
 * Returns true if the bytes start like a descriptor: with its comment, or with its version as the first line that is
 * not a comment.
 */
export function isDescriptor(head: Uint8Array): boolean {
  const text = Buffer.from(head).toString('latin1').replace('\u00ef\u00bb\u00bf', '');
  const lines = text.split('\n').map((line) => line.trim());
  const first = lines.find(
    (line) => line !== '' && (!line.startsWith('#') || /^#\s*disk *descriptor *file/i.test(line)),
  );
  return first !== undefined && /^(?:#|version\s*=\s*\d)/i.test(first);
}

/**
 * Parses a descriptor. NULs pad it to complete sectors. `refuse` must throw: it receives the problem as `what`, and its
 * `offsetBytes` in the text.
 */
export function parseDescriptor(
  bytes: Uint8Array,
  refuse: (offsetBytes: number, what: string) => never,
): VmdkDescriptor {
  const end = bytes.indexOf(0);
  // Decodes one character per byte, whatever the encoding, so that the bytes of file names are preserved. In no
  // encoding in use does a multi-byte character contain a quote or a newline.
  const text = Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('latin1');
  const values = descriptorValues(text);
  refuseEncrypted(values, refuse);
  const decoder = decoderFor(values.get('encoding'));
  const fileName = (name: string): FileName => {
    const nameBytes = Buffer.from(name, 'latin1');
    return { bytes: nameBytes, text: decoder.decode(nameBytes) };
  };
  const hint = values.get('parentfilenamehint');
  const parentCid = cidOf(values.get('parentcid'));
  return {
    cid: cidOf(values.get('cid')),
    parentCid: parentCid === NO_PARENT ? undefined : parentCid,
    parentName: hint === undefined ? undefined : fileName(hint),
    createType: values.get('createtype') ?? '',
    uuid: diskUuidOf(values.get('ddb.uuid')),
    extents: extentLines(text, fileName, refuse),
  };
}

function extentLines(
  text: string,
  fileName: (name: string) => FileName,
  refuse: (offsetBytes: number, what: string) => never,
): ExtentLine[] {
  const extents: ExtentLine[] = [];
  let offsetBytes = 0;
  for (const whole of text.split('\n')) {
    const line = whole.trim();
    if (EXTENT_START.test(line)) {
      const [, access = '', sectors, type = '', name, start] = EXTENT_LINE.exec(line) ?? [];
      if (sectors === undefined) refuse(offsetBytes, 'an extent line is malformed');
      if (access.toUpperCase() === 'NOACCESS') refuse(offsetBytes, 'an extent is marked as not readable (NOACCESS)');
      if (extents.length === MAX_EXTENTS) refuse(offsetBytes, `it has more than ${MAX_EXTENTS} extents`);
      extents.push({
        offsetBytes,
        sectors: Number(sectors),
        type: type.toUpperCase(),
        name: name === undefined ? undefined : fileName(name),
        startSector: Number(start ?? 0),
      });
    }
    offsetBytes += whole.length + 1;
  }
  return extents;
}

function refuseEncrypted(values: Map<string, string>, refuse: (offsetBytes: number, what: string) => never): void {
  const filters = values.get('ddb.iofilters') ?? '';
  if (values.has('encryption.keysafe') || filters.includes('vmwarevmcrypt')) {
    refuse(0, 'the disk is encrypted, and it does not contain the key');
  }
}

function cidOf(value: string | undefined): number | undefined {
  return value !== undefined && /^[0-9a-f]{1,8}$/i.test(value) ? Number.parseInt(value, 16) : undefined;
}

/** Unknown encodings fall back to UTF-8. The bytes of the names are still used to find the files. */
function decoderFor(label: string | undefined): InstanceType<typeof TextDecoder> {
  try {
    return new TextDecoder(label ?? 'utf-8');
  } catch {
    return new TextDecoder();
  }
}
