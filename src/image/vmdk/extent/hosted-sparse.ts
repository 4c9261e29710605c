import type { SourceFile } from '../../file/source-file.ts';
import { MARKER_FOOTER, readMarker } from '../layout/marker.ts';
import {
  SECTOR_BYTES,
  checkPlainKind,
  checkStreamKind,
  parseFooter,
  parseSparseHeader,
  type SparseHeader,
} from '../layout/sparse-header.ts';
import { ENTRY_ABSENT, ENTRY_ZERO, requireDirectory, type SparseLayout } from './sparse-layout.ts';

/** Zeros after the end-of-stream marker that are searched for the footer. */
const MAX_TAIL_BYTES = 1 << 20;
/** Offset of the gdOffset field in the header. */
const DIRECTORY_FIELD = 56;

export interface HostedSparse {
  header: SparseHeader;
  layout: SparseLayout;
}

/**
 * Reads the header of a hosted sparse extent (monolithicSparse, a part of twoGbMaxExtentSparse, streamOptimized), and
 * the footer of a stream whose directory is at its end.
 * @throws Hyper2kvmError kind `image`.
 */
export async function readHostedSparse(source: SourceFile): Promise<HostedSparse> {
  const refuse = (what: string): never => {
    throw source.fault(0, what);
  };
  const header = parseSparseHeader(await source.read(0, SECTOR_BYTES, 'its header'), refuse);
  if (header.compressed) checkStreamKind(header, refuse);
  else checkPlainKind(header, refuse);
  const frontBytes = header.overheadSectors * SECTOR_BYTES;
  if (source.sizeBytes < frontBytes) {
    throw source.fault(source.sizeBytes, `the file is truncated: its header and tables take ${frontBytes} bytes`);
  }
  if (header.directoryOffsetSectors !== undefined) return hosted(source, header, header.directoryOffsetSectors, 0);
  if (!header.compressed) refuse('its grain directory is marked as being at the end, which only streams have');
  return withFooter(source, header);
}

function hosted(source: SourceFile, header: SparseHeader, directorySector: number, headerAt: number): HostedSparse {
  const layout: SparseLayout = {
    capacityBytes: header.capacitySectors * SECTOR_BYTES,
    grainBytes: header.grainSectors * SECTOR_BYTES,
    entryBytes: 4,
    tableEntries: header.tableEntries,
    directoryOffsetBytes: directorySector * SECTOR_BYTES,
    compressed: header.compressed,
    tableOffsetBytes: (sector) => (sector === 0 ? ENTRY_ABSENT : sector * SECTOR_BYTES),
    grainOffsetBytes: (sector) => (sector > 1 ? sector * SECTOR_BYTES : sector === 0 ? ENTRY_ABSENT : ENTRY_ZERO),
  };
  requireDirectory(source, layout, headerAt + DIRECTORY_FIELD);
  return { header, layout };
}

/**
 * The stream ends with a footer marker, the footer, and the end-of-stream marker, which is a sector of zeros. More
 * zeros can follow.
 */
async function withFooter(source: SourceFile, header: SparseHeader): Promise<HostedSparse> {
  const end = await endOfContent(source);
  const footerAt = end - SECTOR_BYTES;
  const cutOff = `the stream is truncated: its footer and end-of-stream marker are missing`;
  if (footerAt < 2 * SECTOR_BYTES || end + SECTOR_BYTES > source.sizeBytes)
    throw source.fault(source.sizeBytes, cutOff);
  const marker = readMarker(await source.read(footerAt - SECTOR_BYTES, SECTOR_BYTES, 'its footer marker'));
  if (marker.value !== 1 || marker.dataBytes !== 0 || marker.type !== MARKER_FOOTER) {
    throw source.fault(source.sizeBytes, cutOff);
  }
  const refuse = (what: string): never => {
    throw source.fault(footerAt, `in its footer, ${what}`);
  };
  const footer = parseFooter(await source.read(footerAt, SECTOR_BYTES, 'its footer'), header, refuse);
  const directory = footer.directoryOffsetSectors ?? refuse('the offset of the grain directory is missing');
  return hosted(source, header, directory, footerAt);
}

/** Returns the file offset of the end of the last sector that is not all zeros. */
async function endOfContent(source: SourceFile): Promise<number> {
  const sectors = Math.floor(source.sizeBytes / SECTOR_BYTES);
  const least = Math.max(0, sectors - MAX_TAIL_BYTES / SECTOR_BYTES);
  for (let sector = sectors - 1; sector >= least; sector--) {
    const bytes = await source.read(sector * SECTOR_BYTES, SECTOR_BYTES, 'its end');
    if (bytes.some((byte) => byte !== 0)) return (sector + 1) * SECTOR_BYTES;
  }
  return 0;
}
