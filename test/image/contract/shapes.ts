import { noise } from '../qemu-made.ts';
import type { Shape } from './pieces-image.ts';

const MIB = 2 ** 20;
const TIB = 2 ** 40;

/** Disks that every reader and writer must handle correctly, in any format. */
export const SHAPES = {
  empty: { sizeBytes: 3 * MIB, pieces: new Map() },
  'one byte at its end': { sizeBytes: 9 * MIB, pieces: new Map([[9 * MIB - 1, Buffer.from('x')]]) },
  full: { sizeBytes: 3 * MIB, pieces: new Map([[0, noise(3 * MIB, 7)]]) },
  'a single sector': { sizeBytes: 512, pieces: new Map([[0, Buffer.alloc(512, 'sector ')]]) },
  // A multiple of neither the cluster size nor the grain size, with noise, text and holes across cluster and grain
  // boundaries.
  'of an odd size': {
    sizeBytes: 37 * MIB + 512 * 5,
    pieces: new Map([
      [0, noise(100_000, 1)],
      [2 * MIB + 4096, Buffer.alloc(700_000, 'text that compresses ')],
      [5 * MIB - 512, noise(1024, 2)],
      [34 * MIB, noise(3 * MIB, 3)],
      [37 * MIB + 512 * 4, Buffer.alloc(512, 'end')],
    ]),
  },
} satisfies Readonly<Record<string, Shape>>;

/** 2 TiB, or `sizeBytes`, with a little data on both sides of the middle and in the last sector. */
export function hugeShape(sizeBytes = 2 * TIB): Shape {
  return {
    sizeBytes,
    pieces: new Map([
      [sizeBytes / 2 - 4096, noise(8192, 5)],
      [sizeBytes - 512, noise(512, 6)],
    ]),
  };
}
