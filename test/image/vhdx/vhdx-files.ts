import { crc32c } from '../../../src/image/vhdx/crc32c.ts';

const MIB = 2 ** 20;
/**
 * Offsets of the two region tables, which the format fixes. `regionAt` reads the offsets of the regions themselves from
 * the first table.
 */
const REGION_TABLES = [196_608, 262_144];
const BAT_GUID = Buffer.from('6677c22d23f600429d64115e9bfd4a08', 'hex');
export const ITEMS = {
  fileParameters: Buffer.from('3767a1ca36fa434db3b633f0aa44e76b', 'hex'),
  virtualSize: Buffer.from('2442a52f1bcd7648b2115dbed83bf4b8', 'hex'),
  logicalSector: Buffer.from('1dbf41816fa90947ba47f233a8faab5f', 'hex'),
  parentLocator: Buffer.from('2d5fd3a80bb34d45abf7d3d84834ab0c', 'hex'),
};
const LOCATOR_TYPE = Buffer.from('b7ef4ab09ed1814ab78925b8e9445913', 'hex');

/** Writes the checksum of a header or region table. */
function seal(bytes: Buffer): void {
  bytes.writeUInt32LE(0, 4);
  bytes.writeUInt32LE(crc32c(bytes), 4);
}

/** Changes both headers, and updates their checksums. */
export function changeHeaders(bytes: Buffer, change: (header: Buffer) => unknown): void {
  for (const at of [65_536, 131_072]) {
    const header = bytes.subarray(at, at + 4096);
    change(header);
    seal(header);
  }
}

/** Changes both region tables, and updates their checksums. */
export function changeRegionTables(bytes: Buffer, change: (table: Buffer) => unknown): void {
  for (const at of REGION_TABLES) {
    const table = bytes.subarray(at, at + 65_536);
    change(table);
    seal(table);
  }
}

/** Returns the DataWriteGuid of the current header, as bytes and as text in braces. */
export function dataWriteGuid(bytes: Buffer): { bytes: Buffer; text: string } {
  const [first, second] = [65_536, 131_072].map((at) => bytes.subarray(at, at + 4096));
  if (first === undefined || second === undefined) throw new Error('no headers');
  const current = first.readBigUInt64LE(8) > second.readBigUInt64LE(8) ? first : second;
  const guid = Buffer.from(current.subarray(32, 48));
  const numbers = [guid.readUInt32LE(0), guid.readUInt16LE(4), guid.readUInt16LE(6)];
  const [a, b, c] = numbers.map((value, index) => value.toString(16).padStart(index === 0 ? 8 : 4, '0'));
  const text = `{${a}-${b}-${c}-${guid.toString('hex', 8, 10)}-${guid.toString('hex', 10)}}`;
  return { bytes: guid, text: text.toUpperCase() };
}

function regionAt(bytes: Buffer, isBat: boolean): number {
  for (let at = 196_608 + 16; ; at += 32) {
    if (bytes.subarray(at, at + 16).equals(BAT_GUID) === isBat) return Number(bytes.readBigUInt64LE(at + 16));
  }
}

export function batAt(bytes: Buffer): number {
  return regionAt(bytes, true);
}

export function metadataAt(bytes: Buffer): number {
  return regionAt(bytes, false);
}

/** Returns the offsets of a metadata item's entry and of its content. */
export function itemAt(bytes: Buffer, id: Buffer): { entry: number; content: number } {
  const table = metadataAt(bytes);
  const entry = bytes.indexOf(id, table + 32);
  return { entry, content: table + bytes.readUInt32LE(entry + 16) };
}

/** Adds a metadata item after all others. */
function addItem(bytes: Buffer, id: Buffer, content: Buffer): void {
  const table = metadataAt(bytes);
  const count = bytes.readUInt16LE(table + 10);
  // qemu-img uses only the first of the 15 pages after the table.
  const offset = 131_072;
  content.copy(bytes, table + offset);
  const entry = table + 32 * (count + 1);
  id.copy(bytes, entry);
  bytes.writeUInt32LE(offset, entry + 16);
  bytes.writeUInt32LE(content.length, entry + 20);
  bytes.writeUInt32LE(4, entry + 24);
  bytes.writeUInt16LE(count + 1, table + 10);
}

function locator(values: Readonly<Record<string, string>>): Buffer {
  const pairs = Object.entries(values).map((pair) => pair.map((text) => Buffer.from(text, 'utf16le')));
  const head = Buffer.alloc(20 + pairs.length * 12);
  LOCATOR_TYPE.copy(head);
  head.writeUInt16LE(pairs.length, 18);
  let offset = head.length;
  for (const [number, [key = head, value = head]] of pairs.entries()) {
    head.writeUInt32LE(offset, 20 + number * 12);
    head.writeUInt32LE(offset + key.length, 24 + number * 12);
    head.writeUInt16LE(key.length, 28 + number * 12);
    head.writeUInt16LE(value.length, 30 + number * 12);
    offset += key.length + value.length;
  }
  return Buffer.concat([head, ...pairs.flat()]);
}

/**
 * Converts a dynamic disk with blocks of 1 MiB, and at most one chunk, to a differencing disk.
 * Blocks in `bitmaps` become partially present, with the sectors in their bitmap. Blocks without allocated space are
 * read from the parent.
 */
export function differencingVhdx(
  dynamic: Buffer,
  parent: Readonly<Record<string, string>>,
  bitmaps: ReadonlyMap<number, Buffer>,
): Buffer {
  const bytes = Buffer.concat([dynamic, Buffer.alloc(MIB)]);
  const parameters = itemAt(bytes, ITEMS.fileParameters).content;
  bytes.writeUInt32LE(bytes.readUInt32LE(parameters + 4) | 2, parameters + 4);
  addItem(bytes, ITEMS.parentLocator, locator(parent));
  const bat = batAt(bytes);
  const blocksOfChunk = 4096;
  for (let block = 0; block < blocksOfChunk; block++) {
    const state = bytes.readUInt8(bat + block * 8) & 7;
    if (bitmaps.has(block)) bytes[bat + block * 8] = 7;
    else if (state !== 6) bytes[bat + block * 8] = 0;
    bitmaps.get(block)?.copy(bytes, dynamic.length + block * 256);
  }
  bytes.writeBigUInt64LE(BigInt(dynamic.length) | 6n, bat + blocksOfChunk * 8);
  return bytes;
}
