import { deflateSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { splitUnseen } from '../../../src/image/copy/transplant.ts';
import { FROM_INPUT, WINDOW_BYTES, type CopyWindow } from '../../../src/image/model/window.ts';
import { noise } from '../make-disk.ts';

const CLUSTER = 64 * 1024;
const UNSEEN = { packing: 'fast', verify: false, clusterBytes: CLUSTER } as const;

const text = (seed: number): Buffer => Buffer.from(noise(CLUSTER / 2, seed).toString('hex'));

/** A window of a stream that contains these grains one after the other. */
function windowOf(grains: readonly Buffer[]): CopyWindow {
  const input = new SharedArrayBuffer(grains.reduce((sum, { length }) => sum + length, 0));
  let fileOffsetBytes = 0;
  const parts = grains.map((stored, index) => {
    stored.copy(Buffer.from(input), fileOffsetBytes);
    const compressed = { codec: 'zlib', storedBytes: stored.length, exact: true, clusterBytes: CLUSTER, skipBytes: 0 };
    const part = { at: index * CLUSTER, lengthBytes: CLUSTER, fd: FROM_INPUT, fileOffsetBytes, compressed };
    fileOffsetBytes += stored.length;
    return part as CopyWindow['parts'][number];
  });
  return { offsetBytes: 0, lengthBytes: WINDOW_BYTES, parts, input };
}

test('grains that are certain to move are told where their deflate data stands; those that may be zeros, are dense or look broken are left', () => {
  const broken = deflateSync(text(3));
  broken[0] = 0;
  const grains = [text(1), Buffer.alloc(CLUSTER), text(2), noise(CLUSTER, 9)].map((content) => deflateSync(content));
  const window = windowOf([...grains, broken]);
  const { moved, rest } = splitUnseen(window, UNSEEN);
  expect(rest.map(({ at }) => at / CLUSTER)).toEqual([1, 3, 4]);
  expect(moved.map(({ index }) => index)).toEqual([0, 2]);
  for (const { index, at, storedBytes, compressed } of moved) {
    expect(compressed).toBe(true);
    expect(Buffer.from(window.input ?? new SharedArrayBuffer(0), at, storedBytes)).toEqual(
      grains[index]?.subarray(2, -4),
    );
  }
});

test.each([
  ['each grain is to be proved', { ...UNSEEN, verify: true }],
  ['clusters are stored whole', { ...UNSEEN, packing: undefined }],
  ['the result is a VMDK', { ...UNSEEN, packing: 'grains' as const }],
  ['clusters are larger than grains', { ...UNSEEN, clusterBytes: 2 * CLUSTER }],
])('nothing moves unseen where %s', (_, options) => {
  const window = windowOf([deflateSync(text(1)), deflateSync(text(2))]);
  expect(splitUnseen(window, options)).toEqual({ moved: [], rest: window.parts });
});
