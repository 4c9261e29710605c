const PAGE_BYTES = 4096;
const NONE = 0xffff_ffff;

/** Cell offsets are counted from the end of the header. */
const ROOT = 0x20;
const ROOT_BYTES = 0x60;
const SECURITY = ROOT + ROOT_BYTES;
const SECURITY_BYTES = 0x30;

/**
 * Builds a registry hive with an empty root key: a header and one page of cells. hivexregedit needs one before it can
 * add keys.
 */
export function minimalHive(): Buffer {
  const hive = Buffer.concat([header(), Buffer.alloc(PAGE_BYTES)]);
  const page = hive.subarray(PAGE_BYTES);
  page.write('hbin');
  page.writeUInt32LE(PAGE_BYTES, 8);
  writeRootKey(cell(page, ROOT, ROOT_BYTES));
  writeSecurity(cell(page, SECURITY, SECURITY_BYTES));
  const free = SECURITY + SECURITY_BYTES;
  page.writeInt32LE(PAGE_BYTES - free, free);
  return hive;
}

function header(): Buffer {
  const bytes = Buffer.alloc(PAGE_BYTES);
  bytes.write('regf');
  // Sequence numbers, version 1.3, format, offset of the root cell, size of all pages in bytes, clustering factor.
  const fields = { 4: 1, 8: 1, 20: 1, 24: 3, 32: 1, 36: ROOT, 40: PAGE_BYTES, 44: 1 };
  for (const [at, value] of Object.entries(fields)) bytes.writeUInt32LE(value, Number(at));
  let checksum = 0;
  for (let at = 0; at < 508; at += 4) checksum ^= bytes.readUInt32LE(at);
  bytes.writeUInt32LE(checksum >>> 0, 508);
  return bytes;
}

/** The size of an allocated cell is stored as a negative number. */
function cell(page: Buffer, at: number, sizeBytes: number): Buffer {
  page.writeInt32LE(-sizeBytes, at);
  return page.subarray(at + 4, at + sizeBytes);
}

function writeRootKey(key: Buffer): void {
  const name = 'root';
  key.write('nk');
  // Flags: a root key that cannot be deleted, with its name in ASCII.
  key.writeUInt16LE(0x2c, 2);
  for (const at of [0x10, 0x1c, 0x20, 0x28, 0x30]) key.writeUInt32LE(NONE, at);
  key.writeUInt32LE(SECURITY, 0x2c);
  key.writeUInt16LE(name.length, 0x48);
  key.write(name, 0x4c);
}

function writeSecurity(security: Buffer): void {
  const descriptorBytes = 20;
  security.write('sk');
  // The previous and the next entry in the ring are this entry itself. The reference count is 1.
  const fields = { 4: SECURITY, 8: SECURITY, 12: 1, 16: descriptorBytes };
  for (const [at, value] of Object.entries(fields)) security.writeUInt32LE(value, Number(at));
  // A self-relative, empty security descriptor.
  security.writeUInt8(1, 20);
  security.writeUInt16LE(0x8000, 22);
}
