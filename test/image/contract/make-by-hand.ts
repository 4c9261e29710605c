import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { streamOptimized, type StreamOptimizedOptions } from '../../server/stream-optimized-writer.ts';
import { writeDisk } from '../make-disk.ts';
import { buildCowd, buildSeSparse, descriptorText, type Grains } from '../vmdk/sparse-builder.ts';
import { layersOf } from './layers.ts';
import type { Place } from './make-by-qemu.ts';
import { expectedContent, type Shape } from './pieces-image.ts';

export async function makeStream({ folder, shape }: Place, options: StreamOptimizedOptions): Promise<string> {
  const path = join(folder, 'image.vmdk');
  const content = {
    capacityBytes: shape.sizeBytes,
    read: async (at: number, length: number) => expectedContent(shape, at, at + length),
  };
  await writeFile(path, Readable.from(streamOptimized(content, options)));
  return path;
}

/** Returns the grains that the pieces touch, with the content of the `whole` disk. */
function grainsOf({ pieces }: Shape, whole: Shape, grainBytes: number): Grains {
  const grains = new Map<number, Buffer>();
  for (const [at, { length }] of pieces) {
    for (let grain = Math.floor(at / grainBytes); grain * grainBytes < at + length; grain++) {
      const end = Math.min(whole.sizeBytes, (grain + 1) * grainBytes);
      grains.set(grain, expectedContent(whole, grain * grainBytes, end));
    }
  }
  return grains;
}

export async function makeFlat({ folder, shape }: Place, name = 'image'): Promise<string> {
  await writeDisk(join(folder, `${name}-flat.vmdk`), shape.sizeBytes, shape.pieces);
  const extents = [`RW ${shape.sizeBytes / 512} VMFS "${name}-flat.vmdk"`];
  const path = join(folder, `${name}.vmdk`);
  await writeFile(path, descriptorText({ createType: 'vmfs', extents }));
  return path;
}

/** Creates a sparse VMFS disk, standalone or with a flat parent. */
export async function makeOfVmfs(
  place: Place,
  createType: 'vmfsSparse' | 'seSparse',
  isChild = false,
): Promise<string> {
  const { folder, shape } = place;
  const { below, above } = isChild ? layersOf(shape, 65_536) : { below: undefined, above: shape };
  if (below !== undefined) await makeFlat({ ...place, shape: below }, 'base');
  const [build, grainBytes] = createType === 'seSparse' ? [buildSeSparse, 4096] : [buildCowd, 512];
  const sectors = shape.sizeBytes / 512;
  await writeFile(join(folder, 'image-delta.vmdk'), build(sectors, grainsOf(above, shape, grainBytes)));
  const extents = [`RW ${sectors} ${createType.toUpperCase()} "image-delta.vmdk"`];
  const parent = below === undefined ? {} : { parentCid: '0badcafe', parentName: 'base.vmdk' };
  const path = join(folder, 'image.vmdk');
  await writeFile(path, descriptorText({ createType, extents, cid: '00000002', ...parent }));
  return path;
}
