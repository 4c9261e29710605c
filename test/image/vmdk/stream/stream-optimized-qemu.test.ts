import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { testWithOracle } from '../../../oracles/oracle.ts';
import { outputOf } from '../../../oracles/run-program.ts';
import { check, failureOf, noise, seededNumbers } from '../check-bytes.ts';
import { buildStream } from '../stream-builder.ts';
import { makeTemporaryFolder } from '../../../temporary-folder.ts';

const MIB = 1024 * 1024;

/** Writes a raw disk, and returns the streamOptimized VMDK that qemu-img makes from it. */
async function convert(qemuImg: string, content: Uint8Array, capacityBytes: number): Promise<Buffer> {
  const folder = await makeTemporaryFolder('h2k-vmdk-');
  try {
    const [raw, vmdk] = [join(folder, 'disk.raw'), join(folder, 'disk.vmdk')];
    await writeFile(raw, content);
    await truncate(raw, capacityBytes);
    await outputOf(qemuImg, ['convert', '-f', 'raw', '-O', 'vmdk', '-o', 'subformat=streamOptimized', raw, vmdk]);
    return await readFile(vmdk);
  } finally {
    await rm(folder, { recursive: true });
  }
}

testWithOracle(
  'qemu-img',
  'qemu’s streams are whole, however their chunks are cut',
  async ({ 'qemu-img': qemuImg }) => {
    const next = seededNumbers(5);
    const mixed = Buffer.concat([
      noise(100_000, 1),
      Buffer.alloc(3 * MIB),
      Buffer.alloc(200_000, 'text'),
      noise(65_536, 2),
    ]);
    for (const [content, capacityBytes] of [
      [mixed, 41 * MIB + 512],
      [noise(2 * MIB, 3), 2 * MIB],
      [Buffer.alloc(0), 5 * MIB],
      [Buffer.alloc(0), 3 * 1024 * MIB],
    ] as const) {
      const stream = await convert(qemuImg, content, capacityBytes);
      const summary = check(stream);
      expect(summary).toMatchObject({
        capacityBytes,
        grainSizeBytes: 65_536,
        sizeBytes: stream.length,
        tablesCompared: true,
      });
      expect(summary.descriptor).toMatchObject({ createType: 'streamOptimized', parentCid: 'ffffffff' });
      for (const most of [1, 7, 600, 70_000]) expect(check(stream, () => 1 + (next() % most))).toEqual(summary);
    }
  },
);

testWithOracle(
  'qemu-img',
  'a stream of qemu that lost its last grains is cut off, at any border',
  async ({ 'qemu-img': qemuImg }) => {
    // Without zeros at the end, only the tables at the front show that data is missing.
    const stream = await convert(qemuImg, noise(2 * MIB, 3), 2 * MIB);
    const grainBytes = Math.ceil((12 + 65_562) / 512) * 512;
    expect(stream.length).toBe(65_536 + 32 * grainBytes);
    for (const lost of [1, 512, grainBytes, 5 * grainBytes, 32 * grainBytes]) {
      const error = failureOf(stream.subarray(0, stream.length - lost));
      expect([error.kind, error.retryable]).toEqual(['transfer', true]);
    }
    const zeroed = Buffer.from(stream).fill(0, stream.length - grainBytes);
    expect(failureOf(zeroed).message).toMatch(/name 32 grains, and 31 came/);
    const moved = Buffer.from(stream);
    moved.writeBigUInt64LE(128n * 33n, stream.length - grainBytes);
    expect(failureOf(moved).message).toMatch(/beyond the capacity/);
  },
);

testWithOracle(
  'qemu-img',
  'damage to a stream of qemu gives an error of the family',
  async ({ 'qemu-img': qemuImg }) => {
    const stream = await convert(qemuImg, Buffer.concat([noise(80_000, 1), Buffer.alloc(MIB, 'x')]), 40 * MIB);
    const next = seededNumbers(99);
    let refused = 0;
    for (let round = 0; round < 2000; round++) {
      const bytes = Buffer.from(stream);
      for (let hit = next() % 4; hit >= 0; hit--) {
        const sector = Math.floor((next() % (hit % 2 === 0 ? 20_000 : bytes.length)) / 512);
        bytes[sector * 512 + (next() % 80)] = next() & 0xff;
      }
      try {
        check(bytes, () => 1 + (next() % 50_000));
      } catch (error) {
        expect(error).toMatchObject({ retryable: true, message: expect.stringContaining('disk.vmdk') });
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(500);
  },
);

testWithOracle(
  'qemu-img',
  'the streams that these tests build are VMDKs to qemu too',
  async ({ 'qemu-img': qemuImg }) => {
    const folder = await makeTemporaryFolder('h2k-vmdk-');
    const grains = new Map([
      [0, noise(65_536, 1)],
      [600, Buffer.alloc(65_536, 'x')],
    ]);
    const [raw, vmdk] = [join(folder, 'disk.raw'), join(folder, 'disk.vmdk')];
    const capacityBytes = 40 * MIB;
    const disk = Buffer.alloc(capacityBytes);
    for (const [grain, data] of grains) data.copy(disk, grain * 65_536);
    const stream = buildStream(capacityBytes / 512, grains);
    await writeFile(raw, disk);
    // QEMU requires an extent line, but the check does not.
    stream.write(`RW ${capacityBytes / 512} SPARSE "disk.vmdk"\n`, 512 + stream.subarray(512).indexOf(0));
    await writeFile(vmdk, stream);
    expect(await outputOf(qemuImg, ['compare', '-f', 'vmdk', '-F', 'raw', vmdk, raw])).toContain(
      'Images are identical',
    );
    expect(check(stream).grainCount).toBe(2);
    await rm(folder, { recursive: true });
  },
);
