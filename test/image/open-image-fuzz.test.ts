import { sep } from 'node:path';
import { expect } from '@jest/globals';
import { Hyper2kvmError } from '../../src/base/errors.ts';
import type { MappedImage } from '../../src/image/image.ts';
import { openImage } from '../../src/image/open-image.ts';
import { testWithOracle } from '../oracles/oracle.ts';
import { SUBJECTS, type Subject } from './fuzz-subjects.ts';
import { MutableImage } from './mutable-image.ts';
import { inFolder } from './qemu-made.ts';
import { seededNumbers } from './vmdk/check-bytes.ts';

/** `FUZZ_ROUNDS=20000 npm test -- open-image-fuzz` for the long run, `FUZZ_SEED` for another one. */
const ROUNDS = Number(process.env['FUZZ_ROUNDS'] ?? 1000);
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_122);
const MOST_MS = 5000;

type Numbers = () => number;

const NUMBERS = [
  0n,
  1n,
  2n,
  7n,
  512n,
  4096n,
  0x1_0000n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  1n << 32n,
  1n << 53n,
  1n << 63n,
  (1n << 64n) - 1n,
];

/** One to three damages to structures. */
function damage(image: MutableImage, { structures, seal }: Subject, next: Numbers): void {
  const ranges = structures(image.bytes);
  for (let hit = next() % 3; hit >= 0; hit--) {
    const [start, length] = ranges[next() % ranges.length] ?? [0, 512];
    const at = start + (next() % 4 === 0 ? next() % length : (next() % Math.ceil(length / 4)) * 4);
    const value = NUMBERS[next() % NUMBERS.length] ?? 0n;
    switch (next() % 6) {
      case 0:
        image.change(at, 1, (bytes) => bytes.writeUInt8(next() & 0xff));
        break;
      case 1:
        image.change(at, 1, (bytes) => bytes.writeUInt8((bytes[0] ?? 0) ^ (1 << (next() % 8))));
        break;
      case 2:
        image.change(at, 4, (bytes) => bytes.writeUInt32BE(Number(value & 0xffff_ffffn)));
        break;
      case 3:
        image.change(at, 4, (bytes) => bytes.writeUInt32LE(Number(value & 0xffff_ffffn)));
        break;
      case 4:
        image.change(at, 8, (bytes) =>
          next() % 2 === 0 ? bytes.writeBigUInt64BE(value) : bytes.writeBigUInt64LE(value),
        );
        break;
      default: {
        const [from] = ranges[next() % ranges.length] ?? [0];
        image.change(at, 8, (bytes) => image.bytes.copy(bytes, 0, from, from + 8));
      }
    }
  }
  if (seal !== undefined && next() % 8 !== 0) seal(image);
  image.write(next() % 10 === 0 ? next() % image.bytes.length : undefined);
}

/** Walks all runs, and holds each to the contract. */
async function walk(image: MappedImage): Promise<void> {
  let at = 0;
  for await (const run of image.map(0, image.virtualSizeBytes)) {
    if (run.offsetBytes !== at || !(run.lengthBytes >= 1) || run.kind === 'absent')
      throw new Error(JSON.stringify(run));
    at += run.lengthBytes;
    if (run.kind === 'zero') continue;
    const stored = run.kind === 'data' ? run.lengthBytes : run.storedBytes;
    const sizeBytes = image.files[run.file]?.sizeBytes ?? -1;
    const isInside = run.fileOffsetBytes >= 0 && stored >= 1 && run.fileOffsetBytes + stored <= sizeBytes;
    if (!isInside) throw new Error(JSON.stringify(run));
    if (run.kind === 'compressed' && run.skipBytes + run.lengthBytes > run.clusterBytes)
      throw new Error(JSON.stringify(run));
  }
  if (at !== image.virtualSizeBytes) throw new Error(`the runs end at ${at} of ${image.virtualSizeBytes}`);
}

for (const [name, make] of Object.entries(SUBJECTS)) {
  testWithOracle(
    'qemu-img',
    `${ROUNDS} damaged images of ${name} are mapped or refused, soon, and without a look outside of their folder`,
    async ({ 'qemu-img': qemuImg }) => {
      await inFolder(async (folder) => {
        const counts = { mapped: 0, refused: 0 };
        const subjects = await make(qemuImg, folder);
        for (const [number, subject] of subjects.entries()) {
          const next = seededNumbers(SEED + number);
          using bytes = new MutableImage(subject.path);
          for (let round = 0; round < ROUNDS / subjects.length; round++) {
            damage(bytes, subject, next);
            const start = performance.now();
            try {
              await using image = await openImage(subject.path);
              if (!image.files.every(({ path }) => path.startsWith(folder + sep))) throw new Error('a look outside');
              await walk(image);
              counts.mapped += 1;
            } catch (error) {
              if (!(error instanceof Hyper2kvmError) || error.kind !== 'image') {
                throw new Error(`round ${round} of seed ${SEED} on ${subject.path}`, { cause: error });
              }
              counts.refused += 1;
            }
            const tookMs = performance.now() - start;
            if (tookMs > MOST_MS) throw new Error(`round ${round} of seed ${SEED} took ${tookMs} ms`);
            bytes.restore();
          }
        }
        // Neither is everything refused at the first look, nor does damage go unseen.
        expect(counts.mapped).toBeGreaterThan(ROUNDS / 20);
        expect(counts.refused).toBeGreaterThan(ROUNDS / 10);
      });
    },
    30_000 + ROUNDS * 20,
  );
}
