const PAGE_BYTES = 4096;
const NONE = 0xffff_ffff;

/** Offsets of cells are counted from the end of the header. */
const ROOT = 0x20;
const ROOT_BYTES = 0x60;
const SECURITY = ROOT + ROOT_BYTES;
const SECURITY_BYTES = 0x30;

/** A registry hive with an empty root key, as hivexregedit needs one to put keys into: a header and one page of cells. */
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
  // Sequence numbers, version 1.3, format, place of the root, bytes of all pages, cluster.
  const fields = { 4: 1, 8: 1, 20: 1, 24: 3, 32: 1, 36: ROOT, 40: PAGE_BYTES, 44: 1 };
  for (const [at, value] of Object.entries(fields)) bytes.writeUInt32LE(value, Number(at));
  let checksum = 0;
  for (let at = 0; at < 508; at += 4) checksum ^= bytes.readUInt32LE(at);
  bytes.writeUInt32LE(checksum >>> 0, 508);
  return bytes;
}

/** A cell in use has its size negative. */
function cell(page: Buffer, at: number, sizeBytes: number): Buffer {
  page.writeInt32LE(-sizeBytes, at);
  return page.subarray(at + 4, at + sizeBytes);
}

function writeRootKey(key: Buffer): void {
  const name = 'root';
  key.write('nk');
  // A root that cannot be removed, with its name in ASCII.
  key.writeUInt16LE(0x2c, 2);
  for (const at of [0x10, 0x1c, 0x20, 0x28, 0x30]) key.writeUInt32LE(NONE, at);
  key.writeUInt32LE(SECURITY, 0x2c);
  key.writeUInt16LE(name.length, 0x48);
  key.write(name, 0x4c);
}

function writeSecurity(security: Buffer): void {
  const descriptorBytes = 20;
  security.write('sk');
  // Before and after it in the ring there is itself; used once.
  const fields = { 4: SECURITY, 8: SECURITY, 12: 1, 16: descriptorBytes };
  for (const [at, value] of Object.entries(fields)) security.writeUInt32LE(value, Number(at));
  // Self-relative, with nothing in it.
  security.writeUInt8(1, 20);
  security.writeUInt16LE(0x8000, 22);
}
