import { expect, test } from '@jest/globals';
import type { ImageFile, MappedImage, Run } from '../../../src/image/model/image.ts';
import { overlay } from '../../../src/image/model/overlay.ts';
import { runsOf } from '../read-through-map.ts';

/** An image without content that has runs of ten bytes each. Each character of `kinds` is the kind of one run. */
function imageOf(name: string, kinds: string, closed: string[] = []): MappedImage {
  const file: ImageFile = { path: name, fd: -1, sizeBytes: 1000, modifiedMs: 0 };
  return {
    format: 'raw',
    variant: name,
    virtualSizeBytes: kinds.length * 10,
    files: [file],
    checksummed: name === 'checksummed',
    // oxlint-disable-next-line typescript/require-await
    async *map(fromBytes, toBytes) {
      for (const [index, kind] of kinds.split('').entries()) {
        const offsetBytes = Math.max(fromBytes, index * 10);
        const lengthBytes = Math.min(toBytes, index * 10 + 10) - offsetBytes;
        if (lengthBytes < 1) continue;
        if (kind === 'd') yield { kind: 'data', offsetBytes, lengthBytes, file: 0, fileOffsetBytes: offsetBytes };
        else yield { kind: kind === 'z' ? 'zero' : 'absent', offsetBytes, lengthBytes };
      }
    },
    async [Symbol.asyncDispose]() {
      closed.push(name);
      await Promise.resolve();
    },
  };
}

const shown = (runs: readonly Run[]): string[] =>
  runs.map((run) => `${run.kind}${run.kind === 'data' ? run.file : ''} ${run.offsetBytes}+${run.lengthBytes}`);

test('what a child has not is its parent’s, under the files’ new numbers', async () => {
  const image = overlay(imageOf('child', 'dazad'), imageOf('parent', 'dddzd'));
  expect(shown(await runsOf(image))).toEqual(['data0 0+10', 'data1 10+10', 'zero 20+20', 'data0 40+10']);
  expect(image.files.map(({ path }) => path)).toEqual(['child', 'parent']);
  expect([image.variant, image.virtualSizeBytes, image.checksummed]).toEqual(['child', 50, false]);
});

test('a range is cut out of both', async () => {
  const image = overlay(imageOf('child', 'daad'), imageOf('parent', 'dddd'));
  expect(shown(await runsOf(image, 15, 33))).toEqual(['data1 15+15', 'data0 30+3']);
  expect(shown(await runsOf(image, 12, 13))).toEqual(['data1 12+1']);
  expect(await runsOf(image, 12, 12)).toEqual([]);
});

test('beyond the end of a smaller parent are zeros, and a larger one ends with its child', async () => {
  const smaller = overlay(imageOf('child', 'aaaa'), imageOf('parent', 'dd'));
  expect(shown(await runsOf(smaller))).toEqual(['data1 0+20', 'zero 20+20']);
  expect(shown(await runsOf(smaller, 25, 40))).toEqual(['zero 25+15']);
  const larger = overlay(imageOf('child', 'a'), imageOf('parent', 'dd'));
  expect(shown(await runsOf(larger))).toEqual(['data1 0+10']);
});

test('overlays nest on either side', async () => {
  const disks = (): [MappedImage, MappedImage, MappedImage] => [
    imageOf('top', 'daaaa'),
    imageOf('middle', 'adzaa'),
    imageOf('base', 'ddddz'),
  ];
  const [a1, b1, c1] = disks();
  const [a2, b2, c2] = disks();
  const expected = ['data0 0+10', 'data1 10+10', 'zero 20+10', 'data2 30+10', 'zero 40+10'];
  expect(shown(await runsOf(overlay(a1, overlay(b1, c1))))).toEqual(expected);
  expect(shown(await runsOf(overlay(overlay(a2, b2), c2)))).toEqual(expected);
});

test('both are closed, and the whole is checksummed only when both are', async () => {
  const closed: string[] = [];
  {
    await using image = overlay(imageOf('checksummed', 'a'), imageOf('checksummed', 'd', closed));
    expect(image.checksummed).toBe(true);
  }
  expect(closed).toEqual(['checksummed']);
  const failing = { ...imageOf('child', 'a'), [Symbol.asyncDispose]: () => Promise.reject(new Error('no')) };
  await expect(overlay(failing, imageOf('parent', 'd', closed))[Symbol.asyncDispose]()).rejects.toThrow('no');
  expect(closed).toEqual(['checksummed', 'parent']);
});
