/** Builds tar archives block by block, so that a single field can be invalid. */

export interface BlockFields {
  name?: string;
  type?: string;
  /** The 12 bytes of the field, or a number that is written in octal. */
  size?: number | Buffer;
  magic?: string;
  prefix?: string;
  link?: string;
  /** Replaces the correct checksum. */
  checksum?: string;
}

export function block({
  name = 'a',
  type = '0',
  size = 0,
  magic = 'ustar\u000000',
  prefix = '',
  link = '',
  checksum,
}: BlockFields): Buffer {
  const bytes = Buffer.alloc(512);
  bytes.write(name, 0, 100);
  bytes.write('0000644\0', 100);
  if (typeof size === 'number') bytes.write(size.toString(8).padStart(11, '0'), 124);
  else size.copy(bytes, 124, 0, 12);
  bytes.write(type, 156, 'latin1');
  bytes.write(link, 157, 100);
  bytes.write(magic, 257, 'latin1');
  bytes.write(prefix, 345, 155);
  bytes.fill(' ', 148, 156);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(checksum ?? `${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return bytes;
}

/** A header and its content, with padding. */
export function member(fields: BlockFields, content: string | Buffer = ''): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([block({ size: bytes.length, ...fields }), padded(bytes)]);
}

/** A pax header with one or more records. */
export function pax(records: Record<string, string>, type = 'x'): Buffer {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    let length = Buffer.byteLength(rest);
    while (Buffer.byteLength(`${length}${rest}`) !== length) length = Buffer.byteLength(`${length}${rest}`);
    return `${length}${rest}`;
  });
  return member({ name: 'PaxHeaders/x', type }, lines.join(''));
}

export function archive(...parts: Buffer[]): Buffer {
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

/** GNU's base-256 encoding of a size. */
export function base256(size: bigint): Buffer {
  const field = Buffer.alloc(12);
  for (let at = 11, rest = size; at > 0; at--, rest >>= 8n) field[at] = Number(rest & 0xffn);
  field[0] = 0x80;
  return field;
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}
