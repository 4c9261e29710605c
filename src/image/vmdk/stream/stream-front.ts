import { SECTOR_BYTES, type SparseHeader } from '../layout/sparse-header.ts';

/** A region between the header and the first grain that must be read. */
export interface FrontRegion {
  kind: 'descriptor' | 'directory' | 'tables';
  offsetBytes: number;
  sizeBytes: number;
}

/** Number of grain tables for the complete capacity. */
export function tableCount(header: SparseHeader): number {
  return Math.ceil(header.capacitySectors / (header.grainSectors * header.tableEntries));
}

/** Sectors of one grain table: 4 bytes per entry, 4 sectors for the usual 512 entries. */
export function tableSectors(header: SparseHeader): number {
  return Math.ceil((header.tableEntries * 4) / SECTOR_BYTES);
}

/** Sectors of the grain directory: 4 bytes per table. */
export function directorySectors(header: SparseHeader): number {
  return Math.ceil((tableCount(header) * 4) / SECTOR_BYTES);
}

/** Returns true if the grain directory is before the grains, as in streams of qemu. Otherwise it is after them. */
export function hasFrontDirectory(header: SparseHeader): boolean {
  return header.directoryOffsetSectors !== undefined && header.directoryOffsetSectors < header.overheadSectors;
}

/** The regions that the header refers to, in stream order. */
export function frontRegions(header: SparseHeader): FrontRegion[] {
  const regions: FrontRegion[] = [];
  const { descriptorOffsetSectors: descriptor, descriptorSectors, directoryOffsetSectors: directory } = header;
  if (descriptor > 0 && descriptorSectors > 0) regions.push(region('descriptor', descriptor, descriptorSectors));
  if (directory !== undefined && hasFrontDirectory(header)) {
    regions.push(region('directory', directory, directorySectors(header)));
  }
  return regions.toSorted((a, b) => a.offsetBytes - b.offsetBytes);
}

/** The region of the grain tables, which are contiguous from sector `firstSector` on. */
export function tablesRegion(header: SparseHeader, firstSector: number): FrontRegion {
  return region('tables', firstSector, tableCount(header) * tableSectors(header));
}

/** Returns the problem with the region `next` if the stream is at `offsetBytes` of its front, or undefined. */
export function frontFault(next: FrontRegion, offsetBytes: number, header: SparseHeader): string | undefined {
  if (next.offsetBytes < offsetBytes) return `its ${next.kind} overlaps the structure before it`;
  const end = next.offsetBytes + next.sizeBytes;
  return end > header.overheadSectors * SECTOR_BYTES ? `its ${next.kind} overlaps the grains` : undefined;
}

/**
 * Checks whether the entries of a front directory refer to contiguous tables. Only contiguous tables are read while the
 * stream passes.
 */
export class TableRun {
  readonly #tableSectors: number;
  #first = 0;
  #next = 0;
  #unbroken = true;

  constructor(header: SparseHeader) {
    this.#tableSectors = tableSectors(header);
  }

  add(sector: number): void {
    if (this.#next === 0) this.#first = sector;
    else if (sector !== this.#next) this.#unbroken = false;
    this.#next = sector + this.#tableSectors;
  }

  /** The sector of the first table, or undefined if the tables are scattered or have gaps. */
  get firstSector(): number | undefined {
    return this.#unbroken && this.#first > 0 ? this.#first : undefined;
  }
}

function region(kind: FrontRegion['kind'], offsetSectors: number, sizeSectors: number): FrontRegion {
  return { kind, offsetBytes: offsetSectors * SECTOR_BYTES, sizeBytes: sizeSectors * SECTOR_BYTES };
}
