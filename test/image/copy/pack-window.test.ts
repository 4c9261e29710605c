import { inflateRawSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { packWindow } from '../../../src/image/copy/pack-window.ts';
import { noise } from '../make-disk.ts';

const CLUSTER = 64 * 1024;

test.each([
  ['text', Buffer.from(noise(CLUSTER / 2, 1).toString('hex'))],
  ['base64', Buffer.from(noise(CLUSTER, 2).toString('base64')).subarray(0, CLUSTER)],
  ['bytes of which most are equal', Buffer.from(noise(CLUSTER, 3).map((byte, at) => (at % 4 === 0 ? byte : 7)))],
])('%s that its source left as it is is compressed', (_, content) => {
  const packed = Buffer.alloc(2 * CLUSTER);
  const { clusters } = packDense(content, packed);
  expect(clusters).toEqual([{ index: 0, at: 0, storedBytes: expect.any(Number), compressed: true }]);
  const storedBytes = clusters[0]?.storedBytes ?? 0;
  expect(storedBytes).toBeLessThan(0.85 * CLUSTER);
  expect(inflateRawSync(packed.subarray(0, storedBytes)).equals(content)).toBe(true);
});

test('what its source could not compress is stored whole, without another attempt', () => {
  const content = noise(CLUSTER, 4);
  // These zeros are outside the sample, and a compression attempt would save space with them.
  content.fill(0, 0, CLUSTER / 4);
  const packed = Buffer.alloc(2 * CLUSTER);
  expect(packDense(content, packed).clusters).toEqual([{ index: 0, at: 0, storedBytes: CLUSTER, compressed: false }]);
  expect(packed.subarray(0, CLUSTER).equals(content)).toBe(true);
});

function packDense(content: Buffer, packed: Buffer) {
  const before = { clusters: [], packedBytes: 0, dense: new Set([0]) };
  const options = { clusterBytes: CLUSTER, packing: 'fast', verify: false } as const;
  return packWindow({ offsetBytes: 0, content }, packed, options, before);
}
