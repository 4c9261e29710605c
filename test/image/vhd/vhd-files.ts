import { SECTOR_BYTES } from '../../../src/image/vhd/footer.ts';

const HEADER_AT = 512;

/** Writes the checksum of a footer or header. */
export function sealVhd(bytes: Buffer, checksumAt: number): void {
  bytes.writeUInt32BE(0, checksumAt);
  let sum = 0;
  for (const byte of bytes) sum += byte;
  bytes.writeUInt32BE(~sum >>> 0, checksumAt);
}

/** Changes both copies of a dynamic disk's footer, and updates their checksums. */
export function changeFooters(bytes: Buffer, change: (footer: Buffer) => unknown): void {
  for (const at of [0, bytes.length - SECTOR_BYTES]) {
    const footer = bytes.subarray(at, at + SECTOR_BYTES);
    change(footer);
    sealVhd(footer, 64);
  }
}

/** Changes the dynamic disk header at the offset that qemu-img uses, and updates its checksum. */
export function changeHeader(bytes: Buffer, change: (header: Buffer) => unknown): void {
  const header = bytes.subarray(HEADER_AT, HEADER_AT + 1024);
  change(header);
  sealVhd(header, 36);
}

/** Returns the offset of block number `block` in a disk that qemu-img created. The block starts with its bitmap. */
export function blockAt(bytes: Buffer, block: number): number {
  return bytes.readUInt32BE(Number(bytes.readBigUInt64BE(HEADER_AT + 16)) + block * 4) * SECTOR_BYTES;
}

export interface ParentOfVhd {
  /** The unique ID at byte 68 of the parent's footer. */
  id: Buffer;
  /** Windows paths: a relative one and an absolute one. */
  relative?: string;
  absolute?: string;
  /** The parent's name in the header itself. */
  name?: string;
}

/** Converts a dynamic disk to a differencing disk. The text of the locators is written before the footer at the end. */
export function differencingVhd(dynamic: Buffer, { id, relative, absolute, name = '' }: ParentOfVhd): Buffer {
  const footer = dynamic.subarray(-SECTOR_BYTES);
  const body = dynamic.subarray(0, -SECTOR_BYTES);
  const locators = Object.entries({ W2ku: absolute, W2ru: relative }).flatMap(([code, path]) =>
    path === undefined ? [] : [{ code, text: Buffer.from(path, 'utf16le') }],
  );
  const data = locators.map(({ text }) => Buffer.concat([text], SECTOR_BYTES));
  const bytes = Buffer.concat([body, ...data, footer]);
  changeFooters(bytes, (copy) => copy.writeUInt32BE(4, 60));
  changeHeader(bytes, (header) => {
    id.copy(header, 40);
    Buffer.from(name, 'utf16le').swap16().copy(header, 64);
    for (const [number, { code, text }] of locators.entries()) {
      const at = 576 + number * 24;
      header.write(code, at, 'latin1');
      header.writeUInt32BE(SECTOR_BYTES, at + 4);
      header.writeUInt32BE(text.length, at + 8);
      header.writeBigUInt64BE(BigInt(body.length + number * SECTOR_BYTES), at + 16);
    }
  });
  return bytes;
}
