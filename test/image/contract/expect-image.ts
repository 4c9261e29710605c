import { expect } from '@jest/globals';
import { joinRuns } from '../../../src/image/model/merge-runs.ts';
import type { MappedImage, Run } from '../../../src/image/model/image.ts';
import { readThroughMap, runsOf } from '../read-through-map.ts';
import { seededNumbers } from '../vmdk/check-bytes.ts';
import { expectedContent, type Shape } from './pieces-image.ts';

const MIB = 2 ** 20;
/** Larger disks are read only around their data, at their end and at random places. */
const MOST_READ_BYTES = 64 * MIB;
const ROUNDS = 12;

/** Expects that the image's map and its content match `shape`. */
export async function expectImage(image: MappedImage, shape: Shape): Promise<void> {
  const sizeBytes = Math.ceil(shape.sizeBytes / 512) * 512;
  expect(image.virtualSizeBytes).toBe(sizeBytes);
  // runsOf throws unless the runs are in order, without gaps, and inside the disk.
  const whole = await runsOf(image);
  for (const [from, to] of ranges(sizeBytes, shape)) {
    expect(await runsOf(image, from, to)).toEqual(cut(whole, from, to));
    const same = (await readThroughMap(image, from, to)).equals(expectedContent(shape, from, to));
    expect({ from, to, same }).toEqual({ from, to, same: true });
  }
}

/** Returns the ranges to check: random ones, those around the pieces, the end, and the complete disk if it is small. */
function ranges(sizeBytes: number, { pieces }: Shape): [number, number][] {
  const next = seededNumbers(17);
  const random = Array.from({ length: ROUNDS }, (): [number, number] => {
    const from = Math.floor((next() / 2 ** 32) * sizeBytes);
    return [from, from + (next() % 200_000)];
  });
  const around = [...pieces].map(([at, { length }]): [number, number] => [at - 70_001, at + length + 70_001]);
  const all: [number, number][] = sizeBytes <= MOST_READ_BYTES ? [[0, sizeBytes]] : [];
  const end: [number, number][] = [
    [sizeBytes - 1, sizeBytes],
    [sizeBytes, sizeBytes],
  ];
  return [...random, ...around, ...all, ...end].map(([from, to]) => [Math.max(0, from), Math.min(sizeBytes, to)]);
}

/** Returns the expected map of `[from, to)`, derived from the map of the complete disk. */
function cut(whole: readonly Run[], from: number, to: number): Run[] {
  const runs: Run[] = [];
  for (const run of whole) {
    const start = Math.max(from, run.offsetBytes);
    const end = Math.min(to, run.offsetBytes + run.lengthBytes);
    if (start >= end) continue;
    const skipped = start - run.offsetBytes;
    const part = { ...run, offsetBytes: start, lengthBytes: end - start };
    if (part.kind === 'data') part.fileOffsetBytes += skipped;
    if (part.kind === 'compressed') part.skipBytes += skipped;
    const last = runs.at(-1);
    if (last === undefined || !joinRuns(last, part)) runs.push(part);
  }
  return runs;
}
