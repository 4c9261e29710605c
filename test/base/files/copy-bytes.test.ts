import { expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { copyBytes } from '../../../src/base/files/copy-bytes.ts';
import { pageAlignedMemory } from '../../../src/base/files/direct-io.ts';

const SHARED = () => Buffer.from(pageAlignedMemory(64 * 1024));
const OWN = () => Buffer.alloc(64 * 1024);

test.each([
  ['from shared into shared memory', SHARED, SHARED],
  ['from shared into own memory', SHARED, OWN],
  ['from own into shared memory', OWN, SHARED],
])('all bytes come over, and no others change, %s', (_name, makeSource, makeTarget) => {
  const all = makeSource();
  randomBytes(all.length).copy(all);
  for (const [from, length, at] of [
    [0, all.length, 0],
    [0, 0, 5],
    [1, 1, 0],
    [3, 2, 7],
    [13, 40_000, 1],
    [5000, 16_384, all.length - 16_384],
  ] as const) {
    const target = makeTarget();
    const wanted = Buffer.alloc(target.length);
    for (let index = 0; index < length; index += 1) wanted[at + index] = all[from + index] ?? 0;
    copyBytes(all.subarray(from, from + length), target, at);
    expect(target.equals(wanted)).toBe(true);
  }
});

test.each([
  ['forward', 0, 100],
  ['backward', 100, 0],
])('memory that overlaps is moved %s', (_name, from, to) => {
  const memory = SHARED();
  randomBytes(memory.length).copy(memory);
  const wanted = Buffer.from(Uint8Array.from(memory.subarray(from, from + 1000)));
  copyBytes(memory.subarray(from, from + 1000), memory, to);
  expect(memory.subarray(to, to + 1000).equals(wanted)).toBe(true);
});

test('what does not fit is refused, and nothing is written', () => {
  const target = Buffer.alloc(10);
  expect(() => copyBytes(Buffer.alloc(4, 1), target, 7)).toThrow(RangeError);
  expect(target.equals(Buffer.alloc(10))).toBe(true);
});
