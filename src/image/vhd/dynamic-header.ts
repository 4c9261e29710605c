import type { SourceFile } from '../file/source-file.ts';
import { parentNames, untilNul } from '../file/windows-path.ts';
import { hasChecksum } from './footer.ts';
import { SECTOR_BYTES, type VhdFooter } from './footer.ts';

/**
 * The header of dynamic and differencing disks, big-endian. Source: the VHD specification, "Dynamic Disk Header
 * Format".
 *
 *     0 cookie   16 table offset u64   24 version u32   28 max table entries u32   32 block size u32   36 checksum u32   40 parent's unique id   56 parent's time stamp
 *    64 parent's name, 512 bytes of UTF-16   576 eight parent locators of 24 bytes
 *
 * The parent's time stamp is the modification time of its file, which copies and downloads do not preserve. It is not
 * compared; the unique id is.
 */
export interface DynamicHeader {
  tableOffsetBytes: number;
  blockBytes: number;
  parentId: string;
  /** Candidate file names of the parent, best first. */
  parentNames: readonly string[];
}

const HEADER_BYTES = 1024;
const COOKIE = 'cxsparse';
const CHECKSUM_AT = 36;
const VERSION = 0x0001_0000;
const LOCATORS_AT = 576;
const LOCATOR_BYTES = 24;
const MAX_LOCATORS = 8;
/** 2,048 characters. Windows paths have at most 260, and relative names are not long paths. */
const MAX_LOCATOR_DATA_BYTES = 4096;
/**
 * One sector, as in qemu, to 256 MiB. The maximum is 128 times the usual size, and its bitmap of 2^28 / 2^9 / 8 =
 * 65,536 bytes is one page.
 */
const BLOCK_BYTES = { min: SECTOR_BYTES, max: 2 ** 28 };

/** Reads and checks the header that `footer` refers to. */
export async function readDynamicHeader(source: SourceFile, footer: VhdFooter): Promise<DynamicHeader> {
  const at = footer.headerOffsetBytes;
  source.requireInside(at, HEADER_BYTES, 'its dynamic disk header', footer.atBytes + 16);
  const bytes = await source.read(at, HEADER_BYTES, 'its dynamic disk header');
  if (bytes.toString('latin1', 0, COOKIE.length) !== COOKIE) {
    throw source.fault(at, 'the cookie of its dynamic disk header is missing');
  }
  if (!hasChecksum(bytes, CHECKSUM_AT))
    throw source.fault(at + CHECKSUM_AT, 'the checksum of its dynamic disk header is wrong');
  const version = bytes.readUInt32BE(24);
  if (version !== VERSION) throw source.fault(at + 24, `version 0x${version.toString(16)} of its header is unknown`);
  const blockBytes = bytes.readUInt32BE(32);
  // log2 is exact for powers of two in this range.
  if (blockBytes < BLOCK_BYTES.min || blockBytes > BLOCK_BYTES.max || Math.log2(blockBytes) % 1 !== 0) {
    throw source.fault(at + 32, `a block size of ${blockBytes} bytes is not a power of two from 512 bytes to 256 MiB`);
  }
  return {
    tableOffsetBytes: readTablePlace(source, bytes, at, Math.ceil(footer.virtualSizeBytes / blockBytes)),
    blockBytes,
    parentId: bytes.toString('hex', 40, 56),
    parentNames: footer.variant === 'differencing' ? await readParentNames(source, bytes, at) : [],
  };
}

function readTablePlace(source: SourceFile, bytes: Buffer, at: number, neededEntries: number): number {
  const entries = bytes.readUInt32BE(28);
  if (entries < neededEntries) {
    throw source.fault(at + 28, `its block table has ${entries} entries, and its size needs ${neededEntries}`);
  }
  const offsetBytes = Number(bytes.readBigUInt64BE(16));
  if (offsetBytes % SECTOR_BYTES !== 0) throw source.fault(at + 16, 'its block table is not aligned to a sector');
  source.requireInside(offsetBytes, neededEntries * 4, 'its block table', at + 16);
  return offsetBytes;
}

/**
 * "Parent Locator": `W2ru` is a relative path and `W2ku` an absolute one, in UTF-16LE. `MacX` is a URL in UTF-8. The
 * parent name in the header itself is UTF-16BE.
 */
async function readParentNames(source: SourceFile, bytes: Buffer, at: number): Promise<string[]> {
  const [relative, absolute]: [string[], string[]] = [[], []];
  for (let number = 0; number < MAX_LOCATORS; number++) {
    const entry = bytes.subarray(LOCATORS_AT + number * LOCATOR_BYTES);
    const code = entry.toString('latin1', 0, 4);
    const encoding = code === 'MacX' ? 'utf8' : 'utf16le';
    if (!['W2ru', 'W2ku', 'MacX'].includes(code)) continue;
    const lengthBytes = entry.readUInt32BE(8);
    const referencedAt = at + LOCATORS_AT + number * LOCATOR_BYTES;
    if (lengthBytes > MAX_LOCATOR_DATA_BYTES) {
      throw source.fault(referencedAt + 8, `a parent's name of ${lengthBytes} bytes is over ${MAX_LOCATOR_DATA_BYTES}`);
    }
    const data = await source.readScattered(
      Number(entry.readBigUInt64BE(16)),
      lengthBytes,
      "a parent's name",
      referencedAt,
    );
    (code === 'W2ru' ? relative : absolute).push(untilNul(data.toString(encoding)));
  }
  absolute.push(untilNul(Buffer.from(bytes.subarray(64, LOCATORS_AT)).swap16().toString('utf16le')));
  return parentNames(relative, absolute);
}
