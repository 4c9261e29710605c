import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { noise } from '../image/vmdk/check-bytes.ts';
import {
  buildCowd,
  buildHosted,
  buildSeSparse,
  descriptorText,
  type DescriptorFields,
  type Grains,
} from '../image/vmdk/sparse-builder.ts';
import { buildStream } from '../image/vmdk/stream-builder.ts';
import type { FuzzFormat } from './format.ts';
import { EDGE_NUMBERS, pick, type Random } from './random.ts';
import { readImage, readStream } from './read-image.ts';

const SECTORS = 40_961;
const GRAINS: Grains = new Map<number, Uint8Array | 'zero'>([
  [0, noise(4096, 1)],
  [1, 'zero'],
  [5000, noise(4096, 2)],
]);
const STREAM_GRAINS = new Map([
  [0, noise(65_536, 1)],
  [300, Buffer.alloc(65_536, 1)],
]);
const CHILD = { cid: '00000002', parentCid: '00000001', parentName: 'base.vmdk' };

function extent(type: string, name: string): string {
  return `RW ${SECTORS} ${type} "${name}"`;
}

function descriptor(fields: DescriptorFields): Buffer {
  return Buffer.from(descriptorText(fields), 'latin1');
}

/** The files of one kind of disk; `disk.vmdk` is the one to open. The file to damage is chosen from `damaged`. */
interface VmdkKind {
  files: Readonly<Record<string, Buffer>>;
  damaged: readonly string[];
  damage: (bytes: Buffer, random: Random) => Buffer;
}

const FLAT = { 'flat.bin': noise(4096, 1) };
const COWD_GRAINS = new Map([
  [0, noise(512, 1)],
  [9000, noise(512, 2)],
]);

const KINDS: Readonly<Record<string, VmdkKind>> = {
  'VMDK monolithicSparse': {
    files: { 'disk.vmdk': buildHosted(SECTORS, GRAINS, descriptorText({ extents: [extent('SPARSE', 'disk.vmdk')] })) },
    damaged: ['disk.vmdk'],
    damage: damaged,
  },
  'VMDK streamOptimized': {
    files: { 'disk.vmdk': buildStream(SECTORS, STREAM_GRAINS) },
    damaged: ['disk.vmdk'],
    damage: damaged,
  },
  'VMDK grain tables': {
    files: { 'disk.vmdk': buildHosted(SECTORS, GRAINS, descriptorText({ extents: [extent('SPARSE', 'disk.vmdk')] })) },
    damaged: ['disk.vmdk'],
    // The directory and tables: from sector 21 to the grains.
    damage: (bytes, random) => damagedNumbers(bytes, random, 21 * 512, 16 * 512),
  },
  'VMDK vmfsSparse on a parent': {
    files: {
      'disk.vmdk': descriptor({ ...CHILD, extents: [extent('VMFSSPARSE', 'delta')] }),
      delta: buildCowd(SECTORS, COWD_GRAINS),
      'base.vmdk': descriptor({ cid: '1', extents: ['RW 8 FLAT "flat.bin" 0', 'RW 99 ZERO'] }),
      ...FLAT,
    },
    damaged: ['disk.vmdk', 'delta', 'delta', 'base.vmdk'],
    damage: damaged,
  },
  'VMDK seSparse on a parent': {
    files: {
      'disk.vmdk': descriptor({ ...CHILD, extents: [extent('SESPARSE', 'delta'), 'RW 4 FLAT "flat.bin" 4'] }),
      delta: buildSeSparse(SECTORS, GRAINS),
      'base.vmdk': buildHosted(SECTORS, GRAINS, descriptorText({ cid: '00000001', extents: [extent('SPARSE', 'x')] })),
      ...FLAT,
    },
    damaged: ['disk.vmdk', 'delta', 'delta', 'base.vmdk'],
    damage: damaged,
  },
  'VMDK descriptors': {
    files: {
      'disk.vmdk': descriptor({
        ...CHILD,
        createType: 'twoGbMaxExtentFlat',
        extents: ['RW 4 FLAT "flat.bin" 4', 'RW 99 ZERO', 'RW 8 VMFS "flat.bin"', extent('SPARSE', 'part.vmdk')],
      }),
      'base.vmdk': descriptor({ cid: '1', extents: ['RW 8 FLAT "flat.bin" 0', 'RW 99 ZERO'] }),
      'part.vmdk': buildHosted(SECTORS, GRAINS),
      ...FLAT,
    },
    damaged: ['disk.vmdk', 'disk.vmdk', 'base.vmdk'],
    damage: damagedText,
  },
};

const TOKENS = [
  '../secret.bin',
  '/etc/passwd',
  '"',
  '\n',
  '..',
  '0',
  '-1',
  '9'.repeat(40),
  '18446744073709551615',
  '9007199254740993',
  'RW ',
  'ZERO',
  'SPARSE',
  'disk.vmdk',
  'flat.bin',
  'parentFileNameHint="disk.vmdk"\n',
  'RW 8 FLAT "/etc/passwd" 0\n',
  'RW 8 FLAT "../secret.bin" 0\n',
  'RW 9999999999999 ZERO\n'.repeat(50),
  'encoding="UTF-16"',
  '\0',
  '\u00ff',
];

function damagedText(original: Buffer, random: Random): Buffer {
  let text = original.toString('latin1');
  for (let hit = random(3); hit >= 0; hit--) {
    const words = [...text.matchAll(/[^\s="]+/g)];
    const { index = 0, 0: word = '' } = words.length === 0 ? {} : pick(words, random);
    const at = random(2) === 0 ? index : random(text.length + 1);
    const end = random(2) === 0 ? index + word.length : at + random(40);
    const put = random(3) === 0 ? text.slice(random(text.length), random(text.length)) : pick(TOKENS, random);
    text = text.slice(0, at) + put + text.slice(Math.max(at, end));
  }
  return Buffer.from(text, 'latin1');
}

/** Changes table entries to other offsets in the file, to invalid offsets, or to the value of another entry. */
function damagedNumbers(original: Buffer, random: Random, fromBytes: number, lengthBytes: number): Buffer {
  const bytes = Buffer.from(original);
  const place = (): number => fromBytes + random(lengthBytes / 4) * 4;
  for (let hit = random(6); hit >= 0; hit--) {
    const at = random(4) === 0 ? fromBytes + random(32) * 4 : place();
    const way = random(4);
    if (way === 0) bytes.writeUInt32LE(random(2 + bytes.length / 512), at);
    else if (way === 1) bytes.writeUInt32LE(Number(pick(EDGE_NUMBERS, random) & 0xffff_ffffn), at);
    else if (way === 2) bytes.copy(bytes, at, place(), place());
    else bytes.writeUInt32LE(Math.floor(at / 512), at);
  }
  return bytes;
}

/** Makes one to four kinds of damage. */
function damaged(original: Buffer, random: Random): Buffer {
  let bytes = Buffer.from(original);
  for (let hit = random(4); hit >= 0 && bytes.length >= 8; hit--) bytes = damagedOnce(bytes, random);
  return bytes;
}

function damagedOnce(bytes: Buffer<ArrayBuffer>, random: Random): Buffer<ArrayBuffer> {
  // Most of the damage is in structures: headers, and the starts of sectors.
  const sector = random(2) === 0 ? 0 : random(Math.ceil(bytes.length / 512));
  const at = Math.min(bytes.length - 8, sector * 512 + (random(5) === 0 ? random(512) : random(52) * 4));
  const value = pick(EDGE_NUMBERS, random);
  switch (random(7)) {
    case 0:
      return Buffer.from(bytes.subarray(0, random(bytes.length)));
    case 1:
      bytes[at] = random(256);
      return bytes;
    case 2:
      bytes.writeUInt32LE(Number(value & 0xffff_ffffn), at);
      return bytes;
    case 3:
      bytes.writeBigUInt64LE(value, at);
      return bytes;
    case 4:
      bytes.writeUInt32LE(random(Math.ceil(2 + bytes.length / 512)), at);
      return bytes;
    case 5:
      bytes.copy(bytes, at, random(bytes.length));
      return bytes;
    default:
      return Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from(pick(TOKENS, random), 'latin1'),
        bytes.subarray(at + random(9)),
      ]);
  }
}

/** VMDKs of every kind as files, and streamOptimized as a download. */
export const VMDK_FORMATS: readonly FuzzFormat[] = [
  ...Object.entries(KINDS).map(([name, { files, damaged: names, damage }]) => ({
    name,
    needsQemuImg: false,
    prepare: async (folder: string) => {
      for (const [file, bytes] of Object.entries(files)) writeFileSync(join(folder, file), bytes);
      return async (random: Random) => {
        const file = pick(names, random);
        const original = files[file] ?? Buffer.alloc(0);
        writeFileSync(join(folder, file), damage(original, random));
        try {
          await readImage(join(folder, 'disk.vmdk'), folder);
        } finally {
          writeFileSync(join(folder, file), original);
        }
      };
    },
  })),
  {
    name: 'VMDK stream, forward only',
    needsQemuImg: false,
    // A truncated download can be repeated, so it is an error of kind `transfer`.
    refusedAs: ['image', 'transfer'],
    prepare: async () => {
      const original = buildStream(SECTORS, STREAM_GRAINS);
      return async (random) => readStream(inChunks(damaged(original, random), random));
    },
  },
];

async function* inChunks(bytes: Buffer, random: Random): AsyncGenerator<Buffer> {
  const most = pick([100, 4096, 65_536], random);
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + random(most);
    yield bytes.subarray(at, end);
    at = end;
  }
}
