import { afterAll, describe, expect } from '@jest/globals';
import { WorkerPool } from '../../../src/image/copy/worker-pool.ts';
import { openImage } from '../../../src/image/open-image.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { inFolder } from '../qemu-made.ts';
import { expectImage } from './expect-image.ts';
import { expectStream } from './expect-stream.ts';
import { KINDS, VARIANTS, type Kind } from './kinds.ts';
import type { Shape } from './pieces-image.ts';
import { SHAPES, hugeShape } from './shapes.ts';

const TIB = 2 ** 40;

/** Shared by all tests: starting threads takes longer than the work in these tests. */
const pool = new WorkerPool(2);
afterAll(() => pool[Symbol.asyncDispose]());

async function expectReader({ format, variant, make }: Kind, shape: Shape, qemuImg: string): Promise<void> {
  await inFolder(async (folder) => {
    const path = await make({ folder, shape, qemuImg });
    // The format is detected from the content, except for raw: noise or zeros have no signature.
    await using image = await openImage(path, format === 'raw' ? { format } : {});
    expect([image.format, image.variant]).toEqual([format, variant]);
    expect(image.checksummed).toBe(variant === 'streamOptimized');
    await expectImage(image, shape);
    if (variant === 'streamOptimized') await expectStream(path, shape, folder, pool);
  });
}

for (const kind of KINDS) {
  describe(kind.title, () => {
    const huge = kind.huge.map(
      (sizeBytes) => [`of ${(sizeBytes / TIB).toFixed(2)} TiB`, hugeShape(sizeBytes)] as const,
    );
    for (const [name, shape] of [...Object.entries(SHAPES), ...huge]) {
      testWithOracle(kind.needs, `a disk that is ${name} is read as what went in`, async ({ 'qemu-img': qemuImg }) => {
        await expectReader(kind, shape, qemuImg);
      });
    }
  });
}

for (const kind of VARIANTS) {
  testWithOracle(kind.needs, `${kind.title}, is read as what went in`, async ({ 'qemu-img': qemuImg }) => {
    await expectReader(kind, SHAPES['of an odd size'], qemuImg);
  });
}
