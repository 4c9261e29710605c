import { expect, test } from '@jest/globals';
import { ExtentMap } from './extent-map.ts';

const SIZE = 200;

test('holds at each place what was set last, in as few extents as possible', () => {
  let state = 7;
  const random = (limit: number) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % limit;
  };
  for (let round = 0; round < 200; round += 1) {
    const map = new ExtentMap<number>();
    const plain = Array.from<number | undefined>({ length: SIZE });
    for (let step = 0; step < 30; step += 1) {
      const start = random(SIZE);
      const end = Math.min(SIZE, start + random(40));
      const value = random(3);
      map.set(start, end, value);
      plain.fill(value, start, end);
    }
    expect(flat([...map])).toEqual(plain);
    const runs = plain.filter((value, at) => value !== undefined && value !== plain[at - 1]).length;
    expect(map.size).toBe(runs);
    const from = random(SIZE);
    const to = from + random(50);
    const inside = plain.map((value, at) => (at >= from && at < to ? value : undefined));
    expect(flat(map.within(from, to))).toEqual(inside);
  }
});

function flat(extents: readonly { start: number; end: number; value: number }[]): (number | undefined)[] {
  const plain = Array.from<number | undefined>({ length: SIZE });
  for (const { start, end, value } of extents) plain.fill(value, start, end);
  return plain;
}
