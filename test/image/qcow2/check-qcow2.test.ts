import { copyFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { checkQcow2 } from '../../../src/image/qcow2/check-qcow2.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { outputOf, runProgram } from '../../oracles/run-program.ts';
import { convertDisk, inFolder, noise, patch, writeDisk } from '../qemu-made.ts';

const MIB = 2 ** 20;
const signal = new AbortController().signal;

/** What both found: corruptions and leaks. */
async function bothSay(qemuImg: string, path: string) {
  const { stdout } = await runProgram(qemuImg, ['check', '-f', 'qcow2', '--output=json', path]);
  const { corruptions = 0, leaks = 0 }: { corruptions?: number; leaks?: number } = JSON.parse(stdout);
  const own = await checkQcow2(path, signal);
  return {
    qemu: { corruptions, leaks },
    own: { corruptions: own.corruptions, leaks: own.leaks },
    examples: own.examples,
  };
}

/** Creates an image with data, compressed clusters, holes, and whatever `how` adds. */
async function makeImage(
  qemuImg: string,
  folder: string,
  { options = '', flags = [] }: { options?: string; flags?: readonly string[] } = {},
): Promise<string> {
  const [raw, path] = [join(folder, 'disk.raw'), join(folder, 'disk.qcow2')];
  const content = new Map([
    [0, noise(MIB, 1)],
    [3 * MIB, Buffer.alloc(MIB, 'text ')],
    [9 * MIB, noise(MIB / 2, 2)],
  ]);
  await writeDisk(raw, 12 * MIB, content);
  await convertDisk(qemuImg, [raw, path], 'qcow2', { options, flags });
  return path;
}

const KINDS: [string, { options?: string; flags?: readonly string[] }][] = [
  ['version 3', {}],
  ['version 2', { options: 'compat=0.10' }],
  ['clusters of 512 bytes', { options: 'cluster_size=512' }],
  ['clusters of 2 MiB', { options: 'cluster_size=2M' }],
  ['compressed', { flags: ['-c'] }],
  ['compressed with zstd', { options: 'compression_type=zstd', flags: ['-c'] }],
  ['preallocated', { options: 'preallocation=metadata' }],
  ['subclusters', { options: 'extended_l2=on' }],
  ...[1, 2, 4, 8, 32, 64].map((bits): [string, { options: string }] => [
    `refcounts of ${bits} bits`,
    { options: `refcount_bits=${bits}` },
  ]),
];

for (const [name, how] of KINDS) {
  testWithOracle(
    ['qemu-img'],
    `finds nothing wrong with an image of QEMU: ${name}`,
    async ({ 'qemu-img': qemuImg }) => {
      await inFolder(async (folder) => {
        const { qemu, own, examples } = await bothSay(qemuImg, await makeImage(qemuImg, folder, how));
        expect({ qemu, own, examples }).toEqual({
          qemu: { corruptions: 0, leaks: 0 },
          own: { corruptions: 0, leaks: 0 },
          examples: [],
        });
      });
    },
  );
}

testWithOracle(['qemu-img', 'qemu-io'], 'counts internal snapshots and bitmaps', async (paths) => {
  await inFolder(async (folder) => {
    const path = await makeImage(paths['qemu-img'], folder, {});
    await outputOf(paths['qemu-img'], ['snapshot', '-c', 'first', path]);
    await outputOf(paths['qemu-io'], ['-f', 'qcow2', '-c', 'write -P 7 1M 2M', path]);
    await outputOf(paths['qemu-img'], ['snapshot', '-c', 'second', path]);
    await outputOf(paths['qemu-io'], ['-f', 'qcow2', '-c', 'write -z 4M 1M', path]);
    await outputOf(paths['qemu-img'], ['bitmap', '--add', path, 'backup']);
    await outputOf(paths['qemu-io'], ['-f', 'qcow2', '-c', 'write -P 9 5M 1M', path]);
    const { qemu, own, examples } = await bothSay(paths['qemu-img'], path);
    expect({ qemu, own, examples }).toEqual({
      qemu: { corruptions: 0, leaks: 0 },
      own: { corruptions: 0, leaks: 0 },
      examples: [],
    });
  });
});

/** Offsets of tables of an image, for damage. */
function placesOf(bytes: Buffer) {
  const table = Number(bytes.readBigUInt64BE(48));
  const l1 = Number(bytes.readBigUInt64BE(40));
  return { table, l1, block: Number(bytes.readBigUInt64BE(table)), l2: bytes.readUInt32BE(l1 + 4) };
}

const DAMAGE: [string, (bytes: Buffer) => unknown][] = [
  ['a refcount of 0', (bytes) => bytes.writeUInt16BE(0, placesOf(bytes).block + 2 * 7)],
  ['a refcount of 2', (bytes) => bytes.writeUInt16BE(2, placesOf(bytes).block + 2 * 7)],
  ['a refcount after the end of the file', (bytes) => bytes.writeUInt16BE(1, placesOf(bytes).block + 2 * 4000)],
  ['a whole block of refcounts that is missing', (bytes) => bytes.writeBigUInt64BE(0n, placesOf(bytes).table)],
  [
    'a cluster that two entries share',
    (bytes) => bytes.copy(bytes, placesOf(bytes).l2, placesOf(bytes).l2 + 8, placesOf(bytes).l2 + 16),
  ],
  ['an entry that is gone', (bytes) => bytes.fill(0, placesOf(bytes).l2, placesOf(bytes).l2 + 8)],
  ['an L2 table that is gone', (bytes) => bytes.fill(0, placesOf(bytes).l1, placesOf(bytes).l1 + 8)],
  [
    'the flag of a cluster',
    (bytes) => bytes.writeUInt8(bytes.readUInt8(placesOf(bytes).l2) ^ 0x80, placesOf(bytes).l2),
  ],
  [
    'the flag of an L2 table',
    (bytes) => bytes.writeUInt8(bytes.readUInt8(placesOf(bytes).l1) ^ 0x80, placesOf(bytes).l1),
  ],
  ['an entry after the end of the file', (bytes) => bytes.writeUInt8(0x10, placesOf(bytes).l2 + 3)],
  ['an entry on the header', (bytes) => bytes.writeBigUInt64BE((1n << 63n) | 0n, placesOf(bytes).l2)],
  [
    'an entry on the refcount block',
    (bytes) => bytes.writeBigUInt64BE((1n << 63n) | BigInt(placesOf(bytes).block), placesOf(bytes).l2),
  ],
];

for (const [name, change] of DAMAGE) {
  testWithOracle(['qemu-img'], `counts like qemu-img: ${name}`, async ({ 'qemu-img': qemuImg }) => {
    await inFolder(async (folder) => {
      const path = await makeImage(qemuImg, folder);
      await patch(path, change);
      const { qemu, own } = await bothSay(qemuImg, path);
      expect(own).toEqual(qemu);
      expect(await checkQcow2(path, signal, { clustersPerPass: 7 })).toMatchObject(qemu);
    });
  });
}

testWithOracle(['qemu-img'], 'a truncated image is corrupt for both', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    const path = await makeImage(qemuImg, folder);
    await truncate(path, 2 * MIB);
    const { qemu, own } = await bothSay(qemuImg, path);
    expect(own.corruptions).toBeGreaterThan(0);
    expect(qemu.corruptions).toBeGreaterThan(0);
  });
});

testWithOracle(
  ['qemu-img'],
  'agrees with qemu-img about 60 images with damaged tables',
  async ({ 'qemu-img': qemuImg }) => {
    await inFolder(async (folder) => {
      const original = await makeImage(qemuImg, folder, { options: 'cluster_size=4096' });
      const path = join(folder, 'damaged.qcow2');
      let seed = 1;
      const next = (below: number): number => (seed = (seed * 48_271) % 0x7fff_ffff) % below;
      let damaged = 0;
      for (let round = 0; round < 60; round += 1) {
        await copyFile(original, path);
        await patch(path, (bytes) => {
          const { table, l1, block, l2 } = placesOf(bytes);
          const [start, length] = [
            [table, 8],
            [l1, 24],
            [block, 512],
            [l2, 512],
          ][next(4)] as [number, number];
          const at = start + next(length);
          bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << next(8)), at);
        });
        const { qemu, own, examples } = await bothSay(qemuImg, path).catch((error: unknown) => ({
          qemu: {},
          own: {},
          examples: [String(error)],
        }));
        const isBad = (found: object): boolean => Object.values(found).some((count) => count > 0);
        if (isBad(qemu)) damaged += 1;
        expect({ round, found: isBad(own), examples }).toEqual({ round, found: isBad(qemu), examples });
      }
      expect(damaged).toBeGreaterThan(20);
    });
  },
);
