/** Returns an integer from 0 to `below` - 1. */
export type Random = (below: number) => number;

/** Returns a generator whose numbers depend only on the seed (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

export function pick<Item>(items: readonly Item[], random: Random): Item {
  const item = items[random(items.length)];
  if (item === undefined) throw new RangeError('nothing to pick from');
  return item;
}

/** Numbers at the limits of sizes, signs and tables. */
export const EDGE_NUMBERS = [
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
] as const;
