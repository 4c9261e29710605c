import type { Run } from '../model/image.ts';
import { dataRun, emptyRun, unitSpan, type Span } from '../model/runs.ts';

/** Which sectors of one block its image holds. */
export interface SectorBitmap {
  bits: Buffer;
  /** VHD begins with a byte's highest bit, VHDX with its lowest. */
  order: 'high-first' | 'low-first';
  sectorBytes: number;
  /** Where the block starts on the disk: the place of the first bit. */
  startBytes: number;
  /** Where its data starts in the file. */
  dataOffsetBytes: number;
}

/** The runs of `span`, a part of one block: data where bits are set, `empty` where they are not. */
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

/** The first bit after `index` that differs from it, or `end`. */
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
