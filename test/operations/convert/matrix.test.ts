import { describe, expect } from '@jest/globals';
import { join } from 'node:path';
import { testWithOracle } from '../../oracles/oracle.ts';
import { mixedContent, sparseContent, writeRawFile, type ContentSource } from '../../server/content-source.ts';
import { ScratchFolder } from '../export/export-run.ts';
import { runConvert } from './convert-run.ts';
import { expectSame, READERS, RESULTS, sha256Of, type MatrixResult } from './matrix-results.ts';
import { makeByQemu, SOURCES } from './matrix-sources.ts';

const MiB = 1 << 20;

/** `MATRIX=full npm test -- matrix` converts every source to every result. By default, it is the first result and one other, in rotation. */
const IS_FULL = process.env['MATRIX'] === 'full';

function resultsFor(sourceIndex: number): MatrixResult[] {
  const [first, ...others] = RESULTS;
  if (IS_FULL || first === undefined) return [...RESULTS];
  return [first, ...others.slice(sourceIndex % others.length).slice(0, 1)];
}

/** Writes `content` as a raw disk in the folder and returns its path. */
async function makeRaw(scratch: ScratchFolder, content: ContentSource): Promise<string> {
  const raw = join(scratch.path, 'content.raw');
  await writeRawFile(content, raw);
  return raw;
}

describe('every format that is read becomes every format that is written, of the same content', () => {
  for (const [index, { title, oracles: others, make }] of SOURCES.entries()) {
    testWithOracle(
      ['qemu-img', ...others],
      title,
      async (oracles) => {
        await using scratch = await ScratchFolder.make();
        // Not a multiple of the grain, cluster or block size.
        const content = mixedContent(3 * MiB + 512, title);
        const raw = await makeRaw(scratch, content);
        const source = await make({ oracles, folder: scratch.path, raw, sizeBytes: content.capacityBytes });
        // The content has no partition table or file system, by which a raw disk is normally detected.
        const inputFormat = source.endsWith('.raw') ? 'raw' : undefined;
        for (const { options } of resultsFor(index)) {
          const output = join(scratch.path, `result.${options.format}`);
          const { disks } = await runConvert({ source, inputFormat, output, ...options, verify: true, force: true });
          expect(disks[0]).toMatchObject({ verified: 'read-back', virtualSizeBytes: content.capacityBytes });
          await expectSame(oracles['qemu-img'], raw, output, options.format);
        }
      },
      600_000,
    );
  }
});

describe('readers that are not qemu-img see the same content', () => {
  for (const { title, options, readers } of RESULTS) {
    for (const name of readers) {
      const { oracles: needed, hash } = READERS[name];
      testWithOracle(['qemu-img', ...needed], `${name} reads ${title}`, async (oracles) => {
        await using scratch = await ScratchFolder.make();
        const raw = await makeRaw(scratch, mixedContent(9 * MiB + 512, title));
        // With `fast`, the grains of such a source are copied unchanged.
        const source = await makeByQemu({ oracles, folder: scratch.path, raw }, 'vmdk', 'subformat=streamOptimized');
        const output = join(scratch.path, `result.${options.format}`);
        await runConvert({ source, output, ...options });
        expect(await hash(oracles, output, scratch.path)).toBe(await sha256Of(raw));
      });
    }
  }
});

describe('sizes at the edges', () => {
  const HUGE_BYTES = 2 ** 41;
  /** The bytes around the only sector with data. The contract tests of the writers read the rest. */
  const MIDDLE = { offsetBytes: HUGE_BYTES / 2 - 2 ** 30, lengthBytes: 2 ** 31 };
  const edges: [string, ContentSource][] = [
    ['empty', sparseContent(3 * MiB, [], 'e')],
    [
      'one sector used, at the end',
      sparseContent(64 * MiB, [{ offsetBytes: 64 * MiB - 512, lengthBytes: 512, fill: 'random' }], 'e'),
    ],
    ['full', sparseContent(4 * MiB, [{ offsetBytes: 0, lengthBytes: 4 * MiB, fill: 'random' }], 'f')],
    ['a single sector', sparseContent(512, [{ offsetBytes: 0, lengthBytes: 512, fill: 'text' }], 's')],
    [
      '2 TiB with one sector',
      sparseContent(HUGE_BYTES, [{ offsetBytes: HUGE_BYTES / 2, lengthBytes: 512, fill: 'random' }], 't'),
    ],
  ];
  for (const [title, content] of edges) {
    // 2 TiB took 91 s on a busy machine and 9 s on an idle one.
    const limitMs = 600_000;
    const run = async (oracles: Record<'qemu-img', string>): Promise<void> => {
      await using scratch = await ScratchFolder.make();
      const raw = await makeRaw(scratch, content);
      const source = await makeByQemu({ oracles, folder: scratch.path, raw }, 'vmdk', 'subformat=streamOptimized');
      for (const { options } of RESULTS.filter(({ options: { clusterBytes } }) => clusterBytes === undefined)) {
        const output = join(scratch.path, `result.${options.format}`);
        await runConvert({ source, output, ...options, force: true });
        const isSlow = content.capacityBytes === HUGE_BYTES && options.format === 'vmdk';
        await expectSame(oracles['qemu-img'], raw, output, options.format, isSlow ? MIDDLE : undefined);
      }
    };
    testWithOracle('qemu-img', title, run, limitMs);
  }
});
