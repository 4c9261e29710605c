/** Builds small sparse extents, in which a test can damage individual bytes. */

const SECTOR = 512;

/** The content of each grain, by grain number: its bytes, or its mark in the table if it has none. */
export type Grains = ReadonlyMap<number, Uint8Array | 'zero' | 'unmapped'>;

/** Changes the finished file. Offsets are those of the file. */
export type Bend = (file: Buffer) => void;

interface Layout {
  magic: number;
  grainSectors: number;
  tableEntries: number;
  entryBytes: number;
  directorySector: number;
  tableEntry: (tableSector: number, number: number) => bigint;
  grainEntry: (grainSector: number, number: number) => bigint;
  marks: { zero: bigint; unmapped: bigint };
}

interface Built {
  file: Buffer;
  tables: number;
  tablesSector: number;
  grainsSector: number;
}

/** Builds the directory, the required tables and the grains, in this order. A table without grains is not written. */
function build(layout: Layout, capacitySectors: number, grains: Grains): Built {
  const { grainSectors, tableEntries, entryBytes, directorySector } = layout;
  const needed = Math.ceil(capacitySectors / (grainSectors * tableEntries));
  const tablesSector = directorySector + Math.max(8, Math.ceil((needed * entryBytes) / SECTOR));
  const tableSectors = (tableEntries * entryBytes) / SECTOR;
  const used = [...new Set([...grains.keys()].map((grain) => Math.floor(grain / tableEntries)))].toSorted(
    (a, b) => a - b,
  );
  const grainsSector = tablesSector + used.length * tableSectors;
  const data = [...grains.values()].filter((content) => typeof content !== 'string').length;
  const file = Buffer.alloc((grainsSector + data * grainSectors) * SECTOR);
  const put = (at: number, entry: bigint): void => {
    if (entryBytes === 8) file.writeBigUInt64LE(entry, at);
    else file.writeUInt32LE(Number(entry), at);
  };
  for (const [number, table] of used.entries()) {
    put(directorySector * SECTOR + table * entryBytes, layout.tableEntry(tablesSector + number * tableSectors, number));
  }
  let next = 0;
  for (const [grain, content] of grains) {
    const table = used.indexOf(Math.floor(grain / tableEntries));
    const at = (tablesSector + table * tableSectors) * SECTOR + (grain % tableEntries) * entryBytes;
    if (typeof content === 'string') {
      put(at, layout.marks[content]);
    } else {
      const sector = grainsSector + next * grainSectors;
      put(at, layout.grainEntry(sector, next++));
      file.set(content, sector * SECTOR);
    }
  }
  file.writeUInt32LE(layout.magic, 0);
  return { file, tables: needed, tablesSector, grainsSector };
}

/**
 * Builds a hosted sparse extent with grains of 8 sectors and tables of 512 entries. `descriptor` is embedded at byte
 * 512.
 */
export function buildHosted(capacitySectors: number, grains: Grains, descriptor = '', bend: Bend = () => {}): Buffer {
  const { file, grainsSector } = build(
    {
      magic: 0x564d444b,
      grainSectors: 8,
      tableEntries: 512,
      entryBytes: 4,
      directorySector: 21,
      tableEntry: BigInt,
      grainEntry: BigInt,
      marks: { zero: 1n, unmapped: 1n },
    },
    capacitySectors,
    grains,
  );
  file.writeUInt32LE(2, 4);
  file.writeUInt32LE(0b101, 8);
  file.writeBigUInt64LE(BigInt(capacitySectors), 12);
  file.writeBigUInt64LE(8n, 20);
  if (descriptor !== '') {
    file.writeBigUInt64LE(1n, 28);
    file.writeBigUInt64LE(20n, 36);
    file.write(descriptor, SECTOR, 'latin1');
  }
  file.writeUInt32LE(512, 44);
  file.writeBigUInt64LE(21n, 56);
  file.writeBigUInt64LE(BigInt(grainsSector), 64);
  file.writeUInt32BE(0x0a200d0a, 73);
  bend(file);
  return file;
}

/** Builds a COWD extent with grains of one sector. */
export function buildCowd(capacitySectors: number, grains: Grains, bend: Bend = () => {}): Buffer {
  const { file, tables } = build(
    {
      magic: 0x44574f43,
      grainSectors: 1,
      tableEntries: 4096,
      entryBytes: 4,
      directorySector: 4,
      tableEntry: BigInt,
      grainEntry: BigInt,
      marks: { zero: 1n, unmapped: 1n },
    },
    capacitySectors,
    grains,
  );
  for (const [index, value] of [1, 3, capacitySectors, 1, 4, tables, file.length / SECTOR].entries()) {
    file.writeUInt32LE(value, 4 + index * 4);
  }
  bend(file);
  return file;
}

/** Builds a seSparse extent. */
export function buildSeSparse(capacitySectors: number, grains: Grains, bend: Bend = () => {}): Buffer {
  const directorySector = 2;
  const { file, tablesSector, grainsSector } = build(
    {
      magic: 0xcafebabe,
      grainSectors: 8,
      tableEntries: 4096,
      entryBytes: 8,
      directorySector,
      tableEntry: (_sector, number) => (0x1000_0000n << 32n) | BigInt(number),
      grainEntry: (_sector, number) => (3n << 60n) | ((BigInt(number) & 0xfffn) << 48n) | (BigInt(number) >> 12n),
      marks: { zero: 2n << 60n, unmapped: (1n << 60n) | 5n },
    },
    capacitySectors,
    grains,
  );
  const fields = new Map([
    [8, 0x2_0000_0001n],
    [16, BigInt(capacitySectors)],
    [24, 8n],
    [32, 64n],
    [80, 1n],
    [88, 1n],
    [128, BigInt(directorySector)],
    [136, BigInt(tablesSector - directorySector)],
    [144, BigInt(tablesSector)],
    [152, BigInt(grainsSector - tablesSector)],
    [192, BigInt(grainsSector)],
    [200, BigInt(file.length / SECTOR - grainsSector)],
    // The volatile header.
    [SECTOR, 0xcafecafen],
  ]);
  for (const [at, value] of fields) file.writeBigUInt64LE(value, at);
  bend(file);
  return file;
}

export interface DescriptorFields {
  createType?: string;
  cid?: string;
  parentCid?: string;
  parentName?: string;
  encoding?: string;
  extents: readonly string[];
}

/** Returns a descriptor in the form that VMware writes. */
export function descriptorText(fields: DescriptorFields): string {
  const { createType = 'monolithicFlat', cid = '0badcafe', parentCid = 'ffffffff', encoding = 'UTF-8' } = fields;
  return [
    '# Disk DescriptorFile',
    'version=1',
    `encoding="${encoding}"`,
    `CID=${cid}`,
    `parentCID=${parentCid}`,
    `createType="${createType}"`,
    ...(fields.parentName === undefined ? [] : [`parentFileNameHint="${fields.parentName}"`]),
    '',
    '# Extent description',
    ...fields.extents,
    '',
    '# The Disk Data Base',
    '#DDB',
    '',
    'ddb.adapterType = "lsilogic"',
    '',
  ].join('\n');
}
