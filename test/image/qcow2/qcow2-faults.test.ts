import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { openImage } from '../../../src/image/open-image.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { outputOf } from '../../oracles/run-program.ts';
import { failureOf } from '../failure-of.ts';
import { convertDisk, inFolder, noise, patch, writeDisk } from '../qemu-made.ts';
import { readThroughMap } from '../read-through-map.ts';
import { testRefusals, type Refusal } from '../refusals.ts';

const MIB = 2 ** 20;

/** Creates an image with 1 MiB of noise and 1 MiB of compressible data. */
async function smallQcow2(
  qemuImg: string,
  folder: string,
  how: { options?: string; flags?: readonly string[] } = {},
): Promise<string> {
  const [raw, path] = [join(folder, 'small.raw'), join(folder, 'small.qcow2')];
  await writeDisk(raw, 2 * MIB, new Map([[0, Buffer.concat([noise(MIB, 1), Buffer.alloc(MIB, 'text ')])]]));
  await convertDisk(qemuImg, [raw, path], 'qcow2', how);
  return path;
}

/** Returns the offset of the first L2 table. */
function l2At(bytes: Buffer): number {
  return bytes.readUInt32BE(Number(bytes.readBigUInt64BE(40)) + 4);
}

function setFeature(bytes: Buffer, bit: bigint): void {
  bytes.writeBigUInt64BE(bytes.readBigUInt64BE(72) | (1n << bit), 72);
}

const REFUSALS: readonly Refusal[] = [
  ['version 1', (bytes) => bytes.writeUInt32BE(1, 4), /version 1 is not supported .*at byte 4/],
  ['clusters of 256 bytes', (bytes) => bytes.writeUInt32BE(8, 20), /a cluster size of 2\^8 bytes/],
  ['clusters of 4 MiB', (bytes) => bytes.writeUInt32BE(22, 20), /a cluster size of 2\^22 bytes/],
  ['an encrypted image', (bytes) => bytes.writeUInt32BE(2, 32), /it is encrypted, which is not supported/],
  ['an image that is marked as corrupt', (bytes) => setFeature(bytes, 1n), /it is marked as corrupt/],
  ['an external data file', (bytes) => setFeature(bytes, 2n), /its data is in an external data file/],
  ['an unknown feature', (bytes) => setFeature(bytes, 63n), /needs the feature of bit 63, which is not supported/],
  [
    'an unknown feature by the name that its table gives',
    (bytes) => {
      setFeature(bytes, 40n);
      // The first entry of QEMU's feature name table is the dirty bit.
      bytes.writeUInt8(40, bytes.indexOf('dirty bit') - 1);
    },
    /needs the feature "dirty bit" of bit 40/,
  ],
  ['a compression that is not announced', (bytes) => bytes.writeUInt8(1, 104), /compression type 1 is unknown, or/],
  ['an unknown compression', (bytes) => [setFeature(bytes, 3n), bytes.writeUInt8(7, 104)], /compression type 7/],
  [
    'subclusters of less than a sector',
    (bytes) => [setFeature(bytes, 4n), bytes.writeUInt32BE(12, 20)],
    /cannot have subclusters/,
  ],
  ['a header of 7 bytes', (bytes) => bytes.writeUInt32BE(7, 100), /a header of 7 bytes is invalid/],
  ['a header larger than a cluster', (bytes) => bytes.writeUInt32BE(2 ** 30, 100), /is larger than a cluster/],
  ['an extension larger than its room', (bytes) => bytes.writeUInt32BE(2 ** 31, 116), /larger than the space for it/],
  ['a size over 2^53', (bytes) => bytes.writeBigUInt64BE(2n ** 60n, 24), /is over 2\^53/],
  ['an L1 table over 32 MiB', (bytes) => bytes.writeUInt32BE(2 ** 31, 36), /is over 32 MiB/],
  ['an L1 table that is too short', (bytes) => bytes.writeBigUInt64BE(2n ** 40n, 24), /1 entries, and .* needs 2048/],
  ['an L1 table that is not aligned', (bytes) => bytes.writeBigUInt64BE(1000n, 40), /L1 table at byte 1000 is not/],
  ['an L1 table outside of the file', (bytes) => bytes.writeBigUInt64BE(2n ** 50n, 40), /its L1 table would be in/],
  [
    'an L2 table that is not aligned',
    (bytes) => bytes.writeUInt32BE(0x200, Number(bytes.readBigUInt64BE(40)) + 4),
    /an L2 table at byte 512 is not aligned/,
  ],
  [
    'an L2 table outside of the file',
    (bytes) => bytes.writeUInt32BE(1, Number(bytes.readBigUInt64BE(40))),
    /the file ends inside a table/,
  ],
  [
    'a cluster that is not aligned',
    (bytes) => bytes.writeUInt32BE(0x200, l2At(bytes) + 4),
    /at byte 512 is not aligned/,
  ],
  [
    'a cluster outside of the file',
    (bytes) => bytes.writeUInt32BE(0x8000_0001, l2At(bytes)),
    /data would be in bytes 4295/,
  ],
  [
    'a compressed cluster outside of the file',
    (bytes) => bytes.writeBigUInt64BE((1n << 62n) | (2n ** 40n), l2At(bytes)),
    /a compressed cluster would start at byte 1099511627776/,
  ],
  [
    'more L2 tables than the file has room for',
    (bytes) => {
      const l1At = Number(bytes.readBigUInt64BE(40));
      bytes.writeUInt32BE(1000, 36);
      bytes.writeBigUInt64BE(BigInt(1000 * 512 * MIB), 24);
      bytes.fill(0, l2At(bytes), l2At(bytes) + 65_536);
      bytes[l2At(bytes) + 7] = 1;
      for (let index = 1; index < 1000; index++) bytes.copy(bytes, l1At + index * 8, l1At, l1At + 8);
    },
    /it refers to more L2 tables than the file has space for/,
  ],
];

testRefusals(smallQcow2, REFUSALS);

testWithOracle('qemu-img', 'refuses a cluster of zeros in version 2', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    const path = await smallQcow2(qemuImg, folder, { options: 'compat=0.10' });
    await patch(path, (bytes) => (bytes[l2At(bytes) + 7] = 1));
    expect((await failureOf(path)).message).toMatch(/is marked as in version 3/);
  });
});

testWithOracle('qemu-img', 'refuses a bitmap of subclusters that contradicts itself', async (paths) => {
  await inFolder(async (folder) => {
    const path = await smallQcow2(paths['qemu-img'], folder, { options: 'extended_l2=on' });
    await patch(path, (bytes) => (bytes[l2At(bytes) + 8] = 1));
    expect((await failureOf(path)).message).toMatch(/the subcluster bitmap is inconsistent/);
    await patch(path, (bytes) => [(bytes[l2At(bytes) + 8] = 0), bytes.fill(0, l2At(bytes), l2At(bytes) + 8)]);
    expect((await failureOf(path)).message).toMatch(/the subcluster bitmap is inconsistent/);
  });
});

testWithOracle('qemu-img', 'refuses a file that is cut off', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    const path = await smallQcow2(qemuImg, folder);
    for (const [sizeBytes, message] of [
      [MIB, /data would be in .* the file ends at byte 1048576/],
      [200_000, /L2 table|its L1 table|the file ends/],
      [80, /its header would be in bytes 0 to 104/],
      [20, /its header would be in bytes 0 to 72/],
    ] as const) {
      await truncate(path, sizeBytes);
      expect((await failureOf(path)).message).toMatch(message);
    }
  });
});

testWithOracle('qemu-img', 'reads an image that was not closed, and one with snapshots', async (paths) => {
  await inFolder(async (folder) => {
    const path = await smallQcow2(paths['qemu-img'], folder, { options: 'lazy_refcounts=on' });
    await outputOf(paths['qemu-img'], ['snapshot', '-c', 'before', path]);
    await patch(path, (bytes) => setFeature(bytes, 0n));
    await using image = await openImage(path);
    expect((await readThroughMap(image, 0, MIB)).equals(noise(MIB, 1))).toBe(true);
  });
});
