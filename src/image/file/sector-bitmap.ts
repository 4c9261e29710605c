import type { Run } from '../model/image.ts';
import { dataRun, emptyRun, unitSpan, type Span } from '../model/runs.ts';

/** Which sectors of one block the image contains. */
export interface SectorBitmap {
  bits: Buffer;
  /** VHD starts with the most significant bit of a byte, VHDX with the least significant. */
  order: 'high-first' | 'low-first';
  sectorBytes: number;
  /** Offset of the block on the disk, which is the position of the first bit. */
  startBytes: number;
  /** Offset of the block's data in the file. */
  dataOffsetBytes: number;
}

/** Returns the runs of `span`, a part of one block: data for set bits, `empty` for clear ones. */
export function bitmapRuns(bitmap: SectorBitmap, span: Span, empty: 'zero' | 'absent'): Run[] {
  const { sectorBytes, startBytes, dataOffsetBytes } = bitmap;
  const runs: Run[] = [];
  const end = Math.ceil((span.toBytes - startBytes) / sectorBytes);
  for (let sector = Math.floor((span.fromBytes - startBytes) / sectorBytes); sector < end;) {
    const next = groupEnd(bitmap, sector, end);
    const part = unitSpan(span, sectorBytes, startBytes / sectorBytes + sector, next - sector);
    runs.push(isSet(bitmap, sector) ? dataRun(part, startBytes, dataOffsetBytes) : emptyRun(empty, part));
    sector = next;
  }
  return runs;
}

function isSet({ bits, order }: SectorBitmap, index: number): boolean {
  const shift = order === 'low-first' ? index & 7 : 7 - (index & 7);
  return (((bits[index >>> 3] ?? 0) >>> shift) & 1) === 1;
}

/** Returns the index of the first bit after `index` whose value differs, or `end`. */
function groupEnd(bitmap: SectorBitmap, index: number, end: number): number {
  const set = isSet(bitmap, index);
  const uniform = set ? 0xff : 0;
  let at = index + 1;
  while (at < end) {
    if ((at & 7) === 0 && bitmap.bits[at >>> 3] === uniform) at += 8;
    else if (isSet(bitmap, at) === set) at += 1;
    else break;
  }
  return Math.min(at, end);
}
