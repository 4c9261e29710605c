import { PAGE_BYTES, type SourceFile } from '../file/source-file.ts';
import { guidText } from './header.ts';
import { parseParentLocator, type ParentLocator } from './parent-locator.ts';
import type { Region } from './region-table.ts';

/** The metadata items that a reader needs. Source: MS-VHDX 2.6. */
export interface VhdxMetadata {
  variant: 'fixed' | 'dynamic' | 'differencing';
  blockBytes: number;
  virtualSizeBytes: number;
  /** The unit of sector bitmaps. */
  logicalSectorBytes: number;
  /** Set for a differencing disk. */
  parent: ParentLocator | undefined;
}

const ITEM = {
  fileParameters: 'caa16737-fa36-4d43-b3b6-33f0aa44e76b',
  virtualSize: '2fa54224-cd1b-4876-b211-5dbed83bf4b8',
  page83: 'beca12ab-b2e6-4523-93ef-c309e000c746',
  logicalSector: '8141bf1d-a96f-4709-ba47-f233a8faab5f',
  physicalSector: 'cda348c7-445d-4471-9cc9-e9885251c556',
  parentLocator: 'a8d35f2d-b30b-454d-abf7-d3d84834ab0c',
} as const;
const KNOWN = new Set<string>(Object.values(ITEM));

const TABLE_BYTES = 65_536;
const ENTRY_BYTES = 32;
/** The entries that fit in 64 KiB after the table's own 32 bytes. */
const MAX_ENTRIES = 2047;
const REQUIRED = 1 << 2;
const FILE_PARAMETER = { leaveBlocksAllocated: 1, hasParent: 2 };
const BLOCK_BYTES = { min: 2 ** 20, max: 2 ** 28 };
/** 64 TiB, the limit of the format. */
const MAX_VIRTUAL_BYTES = 2 ** 46;
/**
 * All items except the parent locator have at most 16 bytes. A locator consists of a few paths of up to 32,767
 * characters each, and is accepted if it fits in a page.
 */
const MAX_ITEM_BYTES = PAGE_BYTES;

/** The bytes of an item and their file offset. */
interface Item {
  at: number;
  bytes: Buffer;
}

/** Reads and checks the metadata. */
export async function readMetadata(source: SourceFile, region: Region): Promise<VhdxMetadata> {
  const items = await readItems(source, region);
  const item = (id: string, leastBytes: number): Item => {
    const found = items.get(id);
    if (found !== undefined && found.bytes.length >= leastBytes) return found;
    throw source.fault(found?.at ?? region.offsetBytes, `its metadata item ${id} is missing or too short`);
  };
  const parameters = item(ITEM.fileParameters, 8);
  const flags = parameters.bytes.readUInt32LE(4);
  const hasParent = (flags & FILE_PARAMETER.hasParent) !== 0;
  const blockBytes = parameters.bytes.readUInt32LE(0);
  // log2 is exact for powers of two in this range.
  if (blockBytes < BLOCK_BYTES.min || blockBytes > BLOCK_BYTES.max || Math.log2(blockBytes) % 1 !== 0) {
    throw source.fault(parameters.at, `a block size of ${blockBytes} bytes is not a power of two from 1 to 256 MiB`);
  }
  const sector = item(ITEM.logicalSector, 4);
  const logicalSectorBytes = sector.bytes.readUInt32LE(0);
  if (logicalSectorBytes !== 512 && logicalSectorBytes !== 4096) {
    throw source.fault(sector.at, `logical sectors of ${logicalSectorBytes} bytes are not of 512 or 4096`);
  }
  const size = item(ITEM.virtualSize, 8);
  const virtualSizeBytes = Number(size.bytes.readBigUInt64LE(0));
  if (virtualSizeBytes > MAX_VIRTUAL_BYTES || virtualSizeBytes % logicalSectorBytes !== 0) {
    throw source.fault(
      size.at,
      `its size of ${virtualSizeBytes} bytes is over 64 TiB or not a multiple of the sector size`,
    );
  }
  const locator = hasParent ? item(ITEM.parentLocator, 20) : undefined;
  const parent = locator && parseParentLocator(source, locator.bytes, locator.at);
  const fixed = (flags & FILE_PARAMETER.leaveBlocksAllocated) !== 0;
  const variant = hasParent ? 'differencing' : fixed ? 'fixed' : 'dynamic';
  return { variant, blockBytes, virtualSizeBytes, logicalSectorBytes, parent };
}

async function readItems(source: SourceFile, { offsetBytes, lengthBytes }: Region): Promise<Map<string, Item>> {
  const table = await source.read(offsetBytes, TABLE_BYTES, 'its metadata table');
  if (table.toString('latin1', 0, 8) !== 'metadata') {
    throw source.fault(offsetBytes, 'the signature of its metadata table is missing');
  }
  const count = table.readUInt16LE(10);
  if (count > MAX_ENTRIES) {
    throw source.fault(offsetBytes + 10, `a metadata table of ${count} entries is over ${MAX_ENTRIES}`);
  }
  const items = new Map<string, Item>();
  for (let at = ENTRY_BYTES; at < (count + 1) * ENTRY_BYTES; at += ENTRY_BYTES) {
    const id = guidText(table, at);
    const referencedAt = offsetBytes + at;
    if (!KNOWN.has(id)) {
      if ((table.readUInt32LE(at + 24) & REQUIRED) === 0) continue;
      throw source.fault(referencedAt, `it needs the metadata item ${id}, which is not supported`);
    }
    const [itemOffset, itemBytes] = [table.readUInt32LE(at + 16), table.readUInt32LE(at + 20)];
    if (itemBytes > MAX_ITEM_BYTES || itemOffset + itemBytes > lengthBytes) {
      throw source.fault(referencedAt + 16, `its metadata item ${id} is too large, or outside of the metadata`);
    }
    const itemAt = offsetBytes + itemOffset;
    items.set(id, { at: itemAt, bytes: await source.read(itemAt, itemBytes, 'a metadata item') });
  }
  return items;
}
