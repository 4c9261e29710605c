import { deflateSync } from 'node:zlib';

const SECTOR = 512;
const GRAIN_SECTORS = 128;
const TABLE_ENTRIES = 512;
const OVERHEAD = 128;
const NO_DIRECTORY = 0xffff_ffff_ffff_ffffn;

/** The changes that a test can make to a stream in VMware's layout. Offsets are correct unless they are changed. */
export interface Bends {
  header?: Partial<HeaderFields>;
  footer?: Partial<HeaderFields>;
  /** Changes the list of units before the layout. */
  units?: (units: Unit[]) => Unit[];
  /** Changes an entry of a grain table or of the directory as it is written. */
  tableEntry?: (value: number, index: number) => number;
  directoryEntry?: (value: number, index: number) => number;
  /** Bytes after the end-of-stream marker. */
  tail?: Uint8Array;
}

export interface HeaderFields {
  magic: number;
  version: number;
  flags: number;
  capacity: bigint;
  grainSize: bigint;
  descriptorSize: bigint;
  tableEntries: number;
  gdOffset: bigint;
  overHead: bigint;
  lineEnds: number;
  compression: number;
}

/** A marker and the content that follows it. */
export type Unit =
  | { kind: 'grain'; sector: number; data: Uint8Array; sizeField?: number }
  | { kind: 'table' | 'directory' | 'footer' | 'end'; value?: bigint; type?: number };

export const DESCRIPTOR =
  '# Disk DescriptorFile\nversion=1\nCID=0badcafe\nparentCID=ffffffff\ncreateType="streamOptimized"\n';

/** Builds a stream with `grains` (grain number → its 64 KiB), for a disk of `capacitySectors`. */
export function buildStream(capacitySectors: number, grains: Map<number, Uint8Array>, bends: Bends = {}): Buffer {
  const tables = Math.ceil(capacitySectors / (GRAIN_SECTORS * TABLE_ENTRIES));
  const units = bends.units ?? ((list: Unit[]): Unit[] => list);
  const writer = new Layout(capacitySectors, tables, bends);
  for (const unit of units(plainUnits(tables, grains))) writer.add(unit);
  return writer.bytes(bends.tail);
}

function plainUnits(tables: number, grains: Map<number, Uint8Array>): Unit[] {
  const units: Unit[] = [];
  for (let table = 0; table < tables; table++) {
    const own = [...grains].filter(([grain]) => Math.floor(grain / TABLE_ENTRIES) === table);
    for (const [grain, data] of own)
      units.push({ kind: 'grain', sector: grain * GRAIN_SECTORS, data: deflateSync(data) });
    if (own.length > 0) units.push({ kind: 'table' });
  }
  return [...units, { kind: 'directory' }, { kind: 'footer' }, { kind: 'end' }];
}

class Layout {
  readonly #parts: Buffer[] = [];
  readonly #header: HeaderFields;
  readonly #bends: Bends;
  readonly #directory: number[];
  #table: { index: number; entries: Map<number, number> } = { index: 0, entries: new Map() };
  #sector = OVERHEAD;
  #gdSector = 0;

  constructor(capacitySectors: number, tables: number, bends: Bends) {
    this.#bends = bends;
    this.#directory = Array.from({ length: tables }, () => 0);
    this.#header = {
      magic: 0x564d444b,
      version: 3,
      flags: 0x30001,
      capacity: BigInt(capacitySectors),
      grainSize: BigInt(GRAIN_SECTORS),
      descriptorSize: 20n,
      tableEntries: TABLE_ENTRIES,
      gdOffset: NO_DIRECTORY,
      overHead: BigInt(OVERHEAD),
      lineEnds: 0x0a200d0a,
      compression: 1,
    };
    const front = Buffer.alloc(OVERHEAD * SECTOR);
    encodeHeader({ ...this.#header, ...bends.header }).copy(front);
    front.write(DESCRIPTOR, SECTOR);
    this.#parts.push(front);
  }

  add(unit: Unit): void {
    if (unit.kind === 'grain') return this.#addGrain(unit.sector, unit.data, unit.sizeField);
    if (unit.kind === 'table') {
      this.#directory[this.#table.index] = this.#sector + 1;
      const entries = Array.from({ length: TABLE_ENTRIES }, (_, index) => this.#table.entries.get(index) ?? 0);
      this.#addMetadata(unit, 4n, 1, this.#entries(entries, this.#bends.tableEntry));
      this.#table = { index: 0, entries: new Map() };
    } else if (unit.kind === 'directory') {
      this.#gdSector = this.#sector + 1;
      const payload = this.#entries(this.#directory, this.#bends.directoryEntry);
      this.#addMetadata(unit, BigInt(payload.length / SECTOR), 2, payload);
    } else if (unit.kind === 'footer') {
      const footer = encodeHeader({ ...this.#header, gdOffset: BigInt(this.#gdSector), ...this.#bends.footer });
      this.#addMetadata(unit, 1n, 3, footer);
    } else this.#addMetadata(unit, 0n, 0, Buffer.alloc(0));
  }

  bytes(tail: Uint8Array = new Uint8Array(0)): Buffer {
    return Buffer.concat([...this.#parts, tail]);
  }

  #addGrain(sector: number, data: Uint8Array, sizeField = data.length): void {
    const grain = Math.floor(sector / GRAIN_SECTORS);
    this.#table.index = Math.floor(grain / TABLE_ENTRIES);
    this.#table.entries.set(grain % TABLE_ENTRIES, this.#sector);
    const bytes = Buffer.alloc(Math.ceil((12 + data.length) / SECTOR) * SECTOR);
    bytes.writeBigUInt64LE(BigInt(sector), 0);
    bytes.writeUInt32LE(sizeField, 8);
    bytes.set(data, 12);
    this.#push(bytes);
  }

  #addMetadata(unit: { value?: bigint; type?: number }, value: bigint, type: number, payload: Buffer): void {
    const marker = Buffer.alloc(SECTOR);
    marker.writeBigUInt64LE(unit.value ?? value, 0);
    marker.writeUInt32LE(unit.type ?? type, 12);
    this.#push(marker);
    this.#push(payload);
  }

  #entries(values: number[], bend = (value: number, _index: number): number => value): Buffer {
    const bytes = Buffer.alloc(Math.ceil((values.length * 4) / SECTOR) * SECTOR);
    for (const [index, value] of values.entries()) bytes.writeUInt32LE(bend(value, index), index * 4);
    return bytes;
  }

  #push(bytes: Buffer): void {
    this.#parts.push(bytes);
    this.#sector += bytes.length / SECTOR;
  }
}

function encodeHeader(fields: HeaderFields): Buffer {
  const bytes = Buffer.alloc(SECTOR);
  bytes.writeUInt32LE(fields.magic, 0);
  bytes.writeUInt32LE(fields.version, 4);
  bytes.writeUInt32LE(fields.flags, 8);
  bytes.writeBigUInt64LE(fields.capacity, 12);
  bytes.writeBigUInt64LE(fields.grainSize, 20);
  bytes.writeBigUInt64LE(1n, 28);
  bytes.writeBigUInt64LE(fields.descriptorSize, 36);
  bytes.writeUInt32LE(fields.tableEntries, 44);
  bytes.writeBigUInt64LE(fields.gdOffset, 56);
  bytes.writeBigUInt64LE(fields.overHead, 64);
  bytes.writeUInt32BE(fields.lineEnds, 73);
  bytes.writeUInt16LE(fields.compression, 77);
  return bytes;
}
