import { readFile, writeFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { expect } from '@jest/globals';
import { Hyper2kvmError } from '../../src/base/errors.ts';
import type { ImageFormat, MappedImage } from '../../src/image/image.ts';
import { openImage } from '../../src/image/open-image.ts';
import { testWithOracle } from '../oracles/oracle.ts';
import { MutableImage } from './mutable-image.ts';
import { convertDisk, inFolder, noise, writeDisk } from './qemu-made.ts';
import { blockAt, differencingVhd, sealVhd } from './vhd/vhd-files.ts';
import {
  batAt,
  changeHeaders,
  changeRegionTables,
  dataWriteGuid,
  differencingVhdx,
  metadataAt,
} from './vhdx/vhdx-files.ts';
import { seededNumbers } from './vmdk/check-bytes.ts';

/** `FUZZ_ROUNDS=20000 npm test -- open-image-fuzz` for the long run, `FUZZ_SEED` for another one. */
const ROUNDS = Number(process.env['FUZZ_ROUNDS'] ?? 1000);
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_122);
const MOST_MS = 5000;
const MIB = 2 ** 20;

type Numbers = () => number;
type Ranges = readonly (readonly [number, number])[];

/** An image to damage: where its structures are, and what makes its checksums right again. */
interface Subject {
  path: string;
  structures: (bytes: Buffer) => Ranges;
  seal?: (image: MutableImage) => void;
}

const DISK = new Map([
  [0, noise(70_000, 1)],
  [MIB, Buffer.alloc(200_000, 'text ')],
]);

async function convertTo(
  qemuImg: string,
  path: string,
  format: ImageFormat,
  options = '',
  flags: string[] = [],
): Promise<string> {
  const raw = `${path}.raw`;
  await writeDisk(raw, 3 * MIB, DISK);
  await convertDisk(qemuImg, [raw, path], format, { options, flags });
  return path;
}

function qcow2Structures(bytes: Buffer): Ranges {
  const l1 = Number(bytes.readBigUInt64BE(40));
  const l2 = bytes.readUInt32BE(l1 + 4);
  const backing = Number(bytes.readBigUInt64BE(8));
  return [
    [0, 120],
    [0, 120],
    [104, 500],
    [backing, 40],
    [l1, 16],
    [l2, 64],
    [l2, 1024],
  ];
}

function vhdStructures(bytes: Buffer): Ranges {
  const end: readonly [number, number] = [bytes.length - 512, 90];
  if (bytes.subarray(0, 8).toString() !== 'conectix') return [end];
  return [[0, 90], [512, 70], [1088, 224], [1536, 16], [blockAt(bytes, 0), 512], [bytes.length - 2048, 1536], end];
}

/** Seals both footers and the header. */
function sealAllOfVhd(image: MutableImage): void {
  image.change(image.bytes.length - 512, 512, (footer) => sealVhd(footer, 64));
  if (image.bytes.subarray(0, 4).toString() !== 'cone') return;
  image.change(0, 512, (footer) => sealVhd(footer, 64));
  image.change(512, 1024, (header) => sealVhd(header, 36));
}

function vhdxStructures(bytes: Buffer): Ranges {
  const [bat, metadata] = [batAt(bytes), metadataAt(bytes)];
  const items: Ranges = [
    [metadata, 260],
    [metadata + 65_536, 64],
    [metadata + 131_072, 400],
  ];
  return [[0, 16], [65_536, 80], [131_072, 80], [196_608, 80], [262_144, 80], [bat, 64], [bat, 64], ...items, ...items];
}

/** Seals headers and region tables where they were damaged: a table's checksum takes longer than all the rest of a round. */
function sealAllOfVhdx(image: MutableImage): void {
  if (image.isChanged(65_536, 131_072))
    image.change(65_536, 131_072, () => changeHeaders(image.bytes, () => undefined));
  if (image.isChanged(196_608, 131_072)) {
    image.change(196_608, 131_072, () => changeRegionTables(image.bytes, () => undefined));
  }
}

const SUBJECTS: Readonly<Record<string, (qemuImg: string, folder: string) => Promise<Subject[]>>> = {
  qcow2: async (qemuImg, folder) => {
    const at = (name: string): string => join(folder, name);
    await convertTo(qemuImg, at('base.qcow2'), 'qcow2');
    const paths = [
      await convertTo(qemuImg, at('v2.qcow2'), 'qcow2', 'compat=0.10'),
      await convertTo(qemuImg, at('zlib.qcow2'), 'qcow2', 'compression_type=zlib', ['-c']),
      await convertTo(qemuImg, at('zstd.qcow2'), 'qcow2', 'compression_type=zstd,cluster_size=4k', ['-c']),
      await convertTo(qemuImg, at('sub.qcow2'), 'qcow2', 'extended_l2=on,cluster_size=16k'),
      await convertTo(qemuImg, at('top.qcow2'), 'qcow2', 'backing_file=base.qcow2,backing_fmt=qcow2'),
    ];
    return paths.map((path) => ({ path, structures: qcow2Structures }));
  },
  VHD: async (qemuImg, folder) => {
    const parent = await convertTo(qemuImg, join(folder, 'parent.vhd'), 'vpc');
    const fixed = await convertTo(qemuImg, join(folder, 'fixed.vhd'), 'vpc', 'subformat=fixed');
    const dynamic = await readFile(await convertTo(qemuImg, join(folder, 'dynamic.vhd'), 'vpc'));
    const child = join(folder, 'child.vhd');
    const id = (await readFile(parent)).subarray(68, 84);
    await writeFile(child, differencingVhd(dynamic, { id, relative: 'parent.vhd', absolute: 'C:\\parent.vhd' }));
    return [parent, child, fixed].map((path) => ({ path, structures: vhdStructures, seal: sealAllOfVhd }));
  },
  VHDX: async (qemuImg, folder) => {
    const options = 'block_size=1M,log_size=1M';
    const parent = await convertTo(qemuImg, join(folder, 'parent.vhdx'), 'vhdx', options);
    const dynamic = await readFile(await convertTo(qemuImg, join(folder, 'dynamic.vhdx'), 'vhdx', options));
    const child = join(folder, 'child.vhdx');
    const locator = { relative_path: 'parent.vhdx', parent_linkage: dataWriteGuid(await readFile(parent)).text };
    await writeFile(child, differencingVhdx(dynamic, locator, new Map([[0, Buffer.alloc(256, 0x5a)]])));
    return [parent, child].map((path) => ({ path, structures: vhdxStructures, seal: sealAllOfVhdx }));
  },
  VDI: async (qemuImg, folder) => {
    const path = await convertTo(qemuImg, join(folder, 'disk.vdi'), 'vdi');
    return [
      {
        path,
        structures: () => [
          [64, 448],
          [340, 60],
          [512, 16],
        ],
      },
    ];
  },
};

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
