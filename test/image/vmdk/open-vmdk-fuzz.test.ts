import { readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { Hyper2kvmError } from '../../../src/base/errors.ts';
import type { MappedImage } from '../../../src/image/image.ts';
import { noise, seededNumbers } from './check-bytes.ts';
import { DiskFolder } from './disk-folder.ts';
import { buildCowd, buildHosted, buildSeSparse, descriptorText, type Grains } from './sparse-builder.ts';
import { buildStream } from './stream-builder.ts';

/** `FUZZ_ROUNDS=20000 npm test -- open-vmdk-fuzz` for the long run, `FUZZ_SEED` for another one. */
const ROUNDS = Number(process.env['FUZZ_ROUNDS'] ?? 2000);
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_122);
const MOST_MS = 5000;

const SECTORS = 40_961;
const GRAINS: Grains = new Map<number, Uint8Array | 'zero'>([
  [0, noise(4096, 1)],
  [1, 'zero'],
  [5000, noise(4096, 2)],
]);
const EXTENT = (type: string, name: string): string => `RW ${SECTORS} ${type} "${name}"`;
const CHILD = { cid: '00000002', parentCid: '00000001', parentName: 'base.vmdk' };

/** Disks of every kind; the first file is the one to open. */
const DISKS: [string, Buffer][][] = [
  [['disk.vmdk', buildHosted(SECTORS, GRAINS, descriptorText({ extents: [EXTENT('SPARSE', 'disk.vmdk')] }))]],
  [
    [
      'disk.vmdk',
      buildStream(
        SECTORS,
        new Map([
          [0, noise(65_536, 1)],
          [300, Buffer.alloc(65_536, 1)],
        ]),
      ),
    ],
  ],
  [
    ['disk.vmdk', text(descriptorText({ ...CHILD, extents: [EXTENT('VMFSSPARSE', 'delta')] }))],
    [
      'delta',
      buildCowd(
        SECTORS,
        new Map([
          [0, noise(512, 1)],
          [9000, noise(512, 2)],
        ]),
      ),
    ],
    ['base.vmdk', text(descriptorText({ cid: '1', extents: ['RW 8 FLAT "flat.bin" 0', 'RW 99 ZERO'] }))],
    ['flat.bin', noise(4096, 1)],
  ],
  [
    ['disk.vmdk', text(descriptorText({ ...CHILD, extents: [EXTENT('SESPARSE', 'delta'), 'RW 4 FLAT "flat.bin" 4'] }))],
    ['delta', buildSeSparse(SECTORS, GRAINS)],
    ['base.vmdk', buildHosted(SECTORS, GRAINS, descriptorText({ cid: '00000001', extents: [EXTENT('SPARSE', 'x')] }))],
    ['flat.bin', noise(4096, 1)],
  ],
];

const NUMBERS = [
  0n,
  1n,
  2n,
  7n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  2n ** 32n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];
const TOKENS = [
  '../secret.bin',
  '/etc/passwd',
  '"',
  '\n',
  '..',
  '0',
  '-1',
  '9'.repeat(40),
  'RW ',
  'ZERO',
  'disk.vmdk',
  '\0',
];

function text(content: string): Buffer {
  return Buffer.from(content, 'latin1');
}

type Numbers = () => number;

/** One to four kinds of damage. */
function mutated(original: Buffer, next: Numbers): Buffer<ArrayBuffer> {
  let bytes = Buffer.from(original);
  for (let hit = next() % 4; hit >= 0; hit--) bytes = damaged(bytes, next);
  return bytes;
}

function damaged(bytes: Buffer<ArrayBuffer>, next: Numbers): Buffer<ArrayBuffer> {
  if (bytes.length < 8) return bytes;
  // Most of it where structure is: headers, and the starts of sectors.
  const sector = next() % 2 === 0 ? 0 : next() % Math.ceil(bytes.length / 512);
  const at = Math.min(bytes.length - 8, sector * 512 + (next() % 5 === 0 ? next() % 512 : (next() % 52) * 4));
  switch (next() % 7) {
    case 0:
      return Buffer.from(bytes.subarray(0, next() % bytes.length));
    case 1:
      bytes[at] = next() & 0xff;
      return bytes;
    case 2:
      bytes.writeUInt32LE(Number((NUMBERS[next() % NUMBERS.length] ?? 0n) & 0xffff_ffffn), at);
      return bytes;
    case 3:
      bytes.writeBigUInt64LE(NUMBERS[next() % NUMBERS.length] ?? 0n, at);
      return bytes;
    case 4:
      bytes.writeUInt32LE(next() % (2 + bytes.length / 512), at);
      return bytes;
    case 5:
      bytes.copy(bytes, at, next() % bytes.length);
      return bytes;
    default: {
      const token = TOKENS[next() % TOKENS.length] ?? '';
      const end = at + (next() % 9);
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(token), bytes.subarray(end)]);
    }
  }
}

/** Walks all runs, and holds each to the contract. */
async function walk(image: MappedImage): Promise<void> {
  let at = 0;
  for await (const run of image.map(0, image.virtualSizeBytes)) {
    // Not by `expect`, which takes longer than all that it would look at.
    if (run.offsetBytes !== at || run.lengthBytes < 1 || run.kind === 'absent') throw new Error(JSON.stringify(run));
    at += run.lengthBytes;
    if (run.kind === 'zero') continue;
    const stored = run.kind === 'data' ? run.lengthBytes : run.storedBytes;
    const sizeBytes = image.files[run.file]?.sizeBytes ?? -1;
    if (run.fileOffsetBytes < 0 || run.fileOffsetBytes + stored > sizeBytes) throw new Error(JSON.stringify(run));
  }
  expect(at).toBe(image.virtualSizeBytes);
}

test(
  `${ROUNDS} damaged disks are mapped or refused, soon, without a look outside of their folder or an open file left`,
  async () => {
    const next = seededNumbers(SEED);
    await using folder = await DiskFolder.with({ 'secret.bin': noise(4096, 1) });
    const openBefore = readdirSync('/proc/self/fd').length;
    const counts = { mapped: 0, refused: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const number = round % DISKS.length;
      const files = DISKS[number] ?? [];
      if (round < DISKS.length) for (const [name, bytes] of files) await folder.write(`${number}/${name}`, bytes);
      const [name, bytes] = files[next() % files.length] ?? ['', Buffer.alloc(0)];
      writeFileSync(folder.at(`${number}/${name}`), mutated(bytes, next));
      const start = performance.now();
      try {
        await using image = await folder.open(`${number}/disk.vmdk`);
        const inside = `${realpathSync(folder.at(`${number}`))}/`;
        for (const { path } of image.files) expect(realpathSync(path).startsWith(inside)).toBe(true);
        await walk(image);
        counts.mapped += 1;
      } catch (error) {
        if (!(error instanceof Hyper2kvmError)) throw new Error(`round ${round} of seed ${SEED}`, { cause: error });
        expect(error.kind).toBe('image');
        counts.refused += 1;
      }
      expect({ round, soon: performance.now() - start < MOST_MS }).toEqual({ round, soon: true });
      writeFileSync(folder.at(`${number}/${name}`), bytes);
    }
    expect(readdirSync('/proc/self/fd').length).toBe(openBefore);
    expect(counts.mapped).toBeGreaterThan(ROUNDS / 10);
    expect(counts.refused).toBeGreaterThan(ROUNDS / 4);
  },
  30_000 + ROUNDS * 20,
);
