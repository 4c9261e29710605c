import type { SourceFile } from '../file/source-file.ts';
import { hasCrc } from './crc32c.ts';
import { guidText } from './header.ts';

/** A part of the file. */
export interface Region {
  offsetBytes: number;
  lengthBytes: number;
}

export interface VhdxRegions {
  /** The block allocation table. */
  bat: Region;
  metadata: Region;
}

const TABLES_AT = [196_608, 262_144];
const TABLE_BYTES = 65_536;
const ENTRIES_AT = 16;
const ENTRY_BYTES = 32;
/** The entries that fit in 64 KiB: (65,536 - 16) / 32. */
const MAX_ENTRIES = 2047;
const ALIGNMENT_BYTES = 2 ** 20;
const BAT = '2dc27766-f623-4200-9d64-115e9bfd4a08';
const METADATA = '8b7ca206-4790-4b9a-b8fe-575f050f886e';

/** Reads the first valid region table (MS-VHDX 2.2.3). Both have the same content. */
export async function readRegions(source: SourceFile): Promise<VhdxRegions> {
  for (const at of TABLES_AT) {
    const bytes = await source.read(at, TABLE_BYTES, 'its region table');
    if (bytes.toString('latin1', 0, 4) === 'regi' && hasCrc(bytes)) return parseRegions(source, bytes, at);
  }
  throw source.fault(TABLES_AT[0] ?? 0, 'neither of its two region tables is valid');
}

function parseRegions(source: SourceFile, bytes: Buffer, at: number): VhdxRegions {
  const count = bytes.readUInt32LE(8);
  if (count > MAX_ENTRIES) throw source.fault(at + 8, `a region table of ${count} entries is over ${MAX_ENTRIES}`);
  const regions = new Map<string, Region>();
  for (let entryAt = ENTRIES_AT; entryAt < ENTRIES_AT + count * ENTRY_BYTES; entryAt += ENTRY_BYTES) {
    const guid = guidText(bytes, entryAt);
    const region = {
      offsetBytes: Number(bytes.readBigUInt64LE(entryAt + 16)),
      lengthBytes: bytes.readUInt32LE(entryAt + 24),
    };
    if (guid !== BAT && guid !== METADATA) {
      if ((bytes.readUInt32LE(entryAt + 28) & 1) === 0) continue;
      throw source.fault(at + entryAt, `it needs the region ${guid}, which is not supported`);
    }
    if (region.offsetBytes < ALIGNMENT_BYTES || region.offsetBytes % ALIGNMENT_BYTES !== 0) {
      throw source.fault(at + entryAt + 16, `a region cannot be at byte ${region.offsetBytes}`);
    }
    source.requireInside(region.offsetBytes, region.lengthBytes, 'a region', at + entryAt + 16);
    if (regions.has(guid)) throw source.fault(at + entryAt, `it has the region ${guid} twice`);
    regions.set(guid, region);
  }
  const [bat, metadata] = [regions.get(BAT), regions.get(METADATA)];
  if (bat === undefined || metadata === undefined) {
    throw source.fault(at, 'its region table lacks the block table or the metadata');
  }
  return { bat, metadata };
}
