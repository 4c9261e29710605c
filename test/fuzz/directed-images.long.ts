import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { Hyper2kvmError } from '../../src/base/errors.ts';
import { temporaryFolder } from '../ovf/package-folder.ts';
import { inPieces } from '../ovf/read-all.ts';
import { testWithOracle } from '../oracles/oracle.ts';
import { noise } from '../image/vmdk/check-bytes.ts';
import { DiskFolder } from '../image/vmdk/disk-folder.ts';
import { buildCowd, buildHosted, buildSeSparse, descriptorText } from '../image/vmdk/sparse-builder.ts';
import { buildStream, type Unit } from '../image/vmdk/stream-builder.ts';
import { SUBJECTS } from './image-subjects.ts';
import { MutableImage } from './mutable-image.ts';
import { withProcessorTime } from './processor-time.ts';
import { readImage, readStream } from './read-image.ts';
import { MOST_MIB, MOST_MS } from './run-cases.ts';

const MIB = 2 ** 20;
const SECTOR = 512;
const SECTORS = 40_961;

/**
 * The first integer that is not safe, the first that is negative as a signed 64-bit number, and the largest unsigned
 * one.
 */
const OVERFLOWING = [2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];

/**
 * Processes one input, and returns the outcome.
 * @throws unless it ends in time and within the memory limit, with a result or a typed error of kind `image`
 */
async function outcomeOf(what: string, read: () => Promise<void>): Promise<'accepted' | 'refused'> {
  const rss = process.memoryUsage.rss();
  const { result, ms } = await withProcessorTime(async () => {
    try {
      await read();
      return 'accepted';
    } catch (cause) {
      if (!(cause instanceof Hyper2kvmError) || cause.kind !== 'image') throw new Error(what, { cause });
      return 'refused';
    }
  });
  if (ms > MOST_MS) throw new Error(`${what} took too long: ${ms} ms`);
  const grownMib = (process.memoryUsage.rss() - rss) / MIB;
  if (grownMib > MOST_MIB) throw new Error(`${what} took too much memory: ${grownMib} MiB`);
  return result;
}

describe('sizes that overflow and tables that point at themselves, in each field in turn', () => {
  for (const [name, make] of Object.entries(SUBJECTS)) {
    const isBigEndian = name === 'qcow2' || name === 'VHD';
    const run = async ({ 'qemu-img': qemuImg }: { 'qemu-img': string }): Promise<void> => {
      await using folder = await temporaryFolder();
      const counts = { accepted: 0, refused: 0 };
      for (const { path, structures, seal } of await make(qemuImg, folder.path)) {
        using image = new MutableImage(path);
        for (const [start, length] of new Map(structures(image.bytes))) {
          for (let at = start; at < start + Math.min(length, 104); at += 4) {
            for (const value of [...OVERFLOWING, BigInt(start)]) {
              image.change(at, 8, (bytes) =>
                isBigEndian ? bytes.writeBigUInt64BE(value) : bytes.writeBigUInt64LE(value),
              );
              seal?.(image);
              image.write();
              counts[await outcomeOf(`${path}: ${value} at ${at}`, () => readImage(path, folder.path))] += 1;
              image.restore();
            }
          }
        }
      }
      expect(counts.refused).toBeGreaterThan(20);
    };
    testWithOracle('qemu-img', name, run, 600_000);
  }

  const grains = new Map([[0, noise(4096, 1)]]);
  const extents = (type: string) => descriptorText({ extents: [`RW ${SECTORS} ${type} "part"`] });
  const vmdks: [string, Buffer, string | undefined][] = [
    ['VMDK monolithicSparse', buildHosted(SECTORS, grains, extents('SPARSE')), undefined],
    ['VMDK streamOptimized', buildStream(SECTORS, new Map([[0, noise(65_536, 1)]])), undefined],
    ['VMDK vmfsSparse', buildCowd(SECTORS, new Map([[0, noise(512, 1)]])), extents('VMFSSPARSE')],
    ['VMDK seSparse', buildSeSparse(SECTORS, grains), extents('SESPARSE')],
  ];
  test.each(vmdks)(
    '%s',
    async (_name, original, descriptor) => {
      await using folder = await DiskFolder.with(descriptor === undefined ? {} : { 'disk.vmdk': descriptor });
      const part = join(folder.path, descriptor === undefined ? 'disk.vmdk' : 'part');
      const counts = { accepted: 0, refused: 0 };
      // Headers are in the first two sectors. Directories and tables are in sectors 4, 10, 12, 21 and 29, and at the
      // end of a stream.
      const ends = [2, 3, 4].map((sectors) => original.length - sectors * SECTOR);
      for (const start of [0, 512, 2048, 5120, 6144, 21 * SECTOR, 29 * SECTOR, ...ends]) {
        const end = start + (start === 0 ? 208 : 96);
        for (let at = start; at < end; at += 4) {
          for (const value of [...OVERFLOWING, BigInt(Math.floor(start / SECTOR))]) {
            const bytes = Buffer.from(original);
            bytes.writeBigUInt64LE(value, at);
            writeFileSync(part, bytes);
            counts[await outcomeOf(`${value} at ${at}`, () => readImage(folder.at('disk.vmdk'), folder.path))] += 1;
          }
        }
      }
      expect(counts.refused).toBeGreaterThan(50);
    },
    600_000,
  );
});

describe('a grain', () => {
  const content: [string, Uint8Array][] = [
    ['that inflates to 60 MiB', deflateSync(Buffer.alloc(60 * MIB), { level: 9 })],
    ['that inflates to a byte more than a grain', deflateSync(Buffer.alloc(65_537, 'x'))],
    ['that inflates to a byte less than a grain', deflateSync(Buffer.alloc(65_535, 'x'))],
    ['that inflates to nothing', deflateSync(Buffer.alloc(0))],
    ['that ends in the middle', deflateSync(noise(65_536, 1)).subarray(0, 30_000)],
    ['whose checksum is wrong', withLastByte(deflateSync(Buffer.alloc(65_536, 'x')))],
  ];
  test.each(content)('%s is refused, in a file and in a stream', async (_what, data) => {
    const units = (list: Unit[]): Unit[] => list.map((unit) => (unit.kind === 'grain' ? { ...unit, data } : unit));
    const bytes = buildStream(SECTORS, new Map([[3, noise(65_536, 1)]]), { units });
    await using folder = await DiskFolder.with({ 'disk.vmdk': bytes });
    expect(await outcomeOf('file', () => readImage(folder.at('disk.vmdk'), folder.path))).toBe('refused');
    expect(await outcomeOf('stream', () => readStream(asBuffers(bytes)))).toBe('refused');
  });
});

function withLastByte(bytes: Buffer): Buffer {
  const at = bytes.length - 1;
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  return bytes;
}

async function* asBuffers(bytes: Buffer): AsyncGenerator<Buffer> {
  for await (const piece of inPieces(bytes, 16_384)) yield Buffer.from(piece);
}

describe('a chain of VMDKs that stand on each other is refused', () => {
  const child = (parentName: string) =>
    descriptorText({ cid: '1', parentCid: '1', parentName, extents: ['RW 8 ZERO'] });
  const chains: [string, Record<string, string>][] = [
    ['one on itself', { 'disk.vmdk': child('disk.vmdk') }],
    ['one on itself by another name', { 'disk.vmdk': child('./disk.vmdk') }],
    ['two in a circle', { 'disk.vmdk': child('b.vmdk'), 'b.vmdk': child('disk.vmdk') }],
    [
      'a thousand',
      Object.fromEntries(
        Array.from({ length: 1000 }, (_, at) => [at === 0 ? 'disk.vmdk' : `${at}.vmdk`, child(`${at + 1}.vmdk`)]),
      ),
    ],
  ];
  test.each(chains)('%s', async (_what, files) => {
    await using folder = await DiskFolder.with(files);
    expect(await outcomeOf('chain', () => readImage(folder.at('disk.vmdk'), folder.path))).toBe('refused');
  });
});
