import { SECTOR_BYTES, type SparseHeader } from '../layout/sparse-header.ts';

/** A part of what stands between the header and the first grain that is worth reading. */
export interface FrontRegion {
  kind: 'descriptor' | 'directory' | 'tables';
  offsetBytes: number;
  sizeBytes: number;
}

/** Grain tables that the whole capacity takes. */
export function tableCount(header: SparseHeader): number {
  return Math.ceil(header.capacitySectors / (header.grainSectors * header.tableEntries));
}

/** Sectors of one grain table: 4 bytes an entry, 4 sectors for the usual 512. */
export function tableSectors(header: SparseHeader): number {
  return Math.ceil((header.tableEntries * 4) / SECTOR_BYTES);
}

/** Sectors of the grain directory: 4 bytes a table. */
export function directorySectors(header: SparseHeader): number {
  return Math.ceil((tableCount(header) * 4) / SECTOR_BYTES);
}

/** True when the grain directory stands before the grains, as qemu writes it; else it comes after them. */
export function hasFrontDirectory(header: SparseHeader): boolean {
  return header.directoryOffsetSectors !== undefined && header.directoryOffsetSectors < header.overheadSectors;
}

/** The regions that the header names, in the order of the stream. */
export function frontRegions(header: SparseHeader): FrontRegion[] {
  const regions: FrontRegion[] = [];
  const { descriptorOffsetSectors: descriptor, descriptorSectors, directoryOffsetSectors: directory } = header;
  if (descriptor > 0 && descriptorSectors > 0) regions.push(region('descriptor', descriptor, descriptorSectors));
  if (directory !== undefined && hasFrontDirectory(header)) {
    regions.push(region('directory', directory, directorySectors(header)));
  }
  return regions.toSorted((a, b) => a.offsetBytes - b.offsetBytes);
}

/** The grain tables, which stand one after the other from sector `firstSector` on. */
export function tablesRegion(header: SparseHeader, firstSector: number): FrontRegion {
  return region('tables', firstSector, tableCount(header) * tableSectors(header));
}

/** What is wrong with `next` when the stream is at `offsetBytes` of its front, or undefined. */
export function frontFault(next: FrontRegion, offsetBytes: number, header: SparseHeader): string | undefined {
  if (next.offsetBytes < offsetBytes) return `its ${next.kind} overlaps the structure before it`;
  const end = next.offsetBytes + next.sizeBytes;
  return end > header.overheadSectors * SECTOR_BYTES ? `its ${next.kind} overlaps the grains` : undefined;
}

/** Watches a front directory's entries for tables that stand one after the other: only those are read as they pass. */
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

  /** The first table's sector, or undefined when the tables are scattered or have gaps. */
  get firstSector(): number | undefined {
    return this.#unbroken && this.#first > 0 ? this.#first : undefined;
  }
}

function region(kind: FrontRegion['kind'], offsetSectors: number, sizeSectors: number): FrontRegion {
  return { kind, offsetBytes: offsetSectors * SECTOR_BYTES, sizeBytes: sizeSectors * SECTOR_BYTES };
}
