import { expect } from '@jest/globals';
import { mkdir, open, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cannotFit, lacksSpace } from '../../../src/cli/report/conversion-plan-report.ts';
import { planConversion } from '../../../src/operations/convert/convert.ts';
import { mixedContent, randomContent } from '../../server/content-source.ts';
import { streamOptimized } from '../../server/stream-optimized-writer.ts';
import { ScratchFolder } from '../export/export-run.ts';
import { testWithMount, withTmpfs } from '../tmpfs.ts';
import { allOptions, runConvert, type ConvertChoices } from './convert-run.ts';

const MiB = 1 << 20;

/** Creates `disk.vmdk` with 4 MiB of random data, and `flat.raw` with 4 MiB and no holes. */
async function makeSources(scratch: ScratchFolder): Promise<void> {
  await mkdir(scratch.output);
  await writeFile(join(scratch.path, 'disk.vmdk'), streamOptimized(randomContent(4 * MiB, 'noise')));
  await writeFile(join(scratch.path, 'flat.raw'), Buffer.alloc(4 * MiB));
}

/** Runs a dry run and the conversion itself, and returns both results. */
async function both(scratch: ScratchFolder, source: string, chosen: ConvertChoices) {
  const options = { source: join(scratch.path, source), output: scratch.output, verify: false, ...chosen };
  const plan = await planConversion(allOptions(options), new AbortController().signal);
  const made = await runConvert(options).catch((error: unknown) => ({ error }));
  return { cannot: cannotFit(plan), may: lacksSpace(plan), free: plan.freeBytes, made };
}

testWithMount('what cannot fit is refused, by the dry run too, and nothing is written', async () => {
  await using scratch = await ScratchFolder.make();
  await makeSources(scratch);
  await withTmpfs(scratch.output, 'size=3m', async () => {
    const { made, ...plan } = await both(scratch, 'disk.vmdk', {});
    expect(plan).toEqual({ cannot: true, may: true, free: 3 * MiB });
    expect(made).toMatchObject({
      error: {
        kind: 'local-file',
        message: expect.stringMatching(/^About 4\.0 MiB are to be written, and 3\.0 MiB are free in \//),
        hint: expect.stringContaining('--compress'),
      },
    });
    expect(await readdir(scratch.output)).toEqual([]);
  });
});

const UNSURE: [string, string, ConvertChoices][] = [
  ['a flat disk, which may be zeros', 'flat.raw', { inputFormat: 'raw' }],
  ['one that gets compressed', 'zeros.vmdk', { compression: 'fast' }],
];
for (const [title, source, chosen] of UNSURE)
  testWithMount(`${title} is converted with a warning, and with one in the dry run`, async () => {
    await using scratch = await ScratchFolder.make();
    await makeSources(scratch);
    const compressible = mixedContent(4 * MiB, 'text');
    await writeFile(join(scratch.path, 'zeros.vmdk'), streamOptimized(compressible));
    await withTmpfs(scratch.output, 'size=2m', async () => {
      const { made, ...plan } = await both(scratch, source, chosen);
      expect(plan).toEqual({ cannot: false, may: true, free: 2 * MiB });
      expect(made).toMatchObject({
        warnings: expect.arrayContaining([expect.stringMatching(/2\.0 MiB are free in .* may not fit/)]),
      });
    });
  });

testWithMount('what a killed run has left counts as free, since it is replaced', async () => {
  await using scratch = await ScratchFolder.make();
  await makeSources(scratch);
  await withTmpfs(scratch.output, 'size=5m', async () => {
    await writeFile(join(scratch.output, 'disk.qcow2.partial'), Buffer.alloc(3 * MiB));
    const { made, ...plan } = await both(scratch, 'disk.vmdk', {});
    expect(plan).toEqual({ cannot: false, may: false, free: 5 * MiB });
    expect(made).toMatchObject({ warnings: [], disks: [{ virtualSizeBytes: 4 * MiB }] });
    expect(await readdir(scratch.output)).toEqual(['disk.qcow2']);
  });
});

testWithMount('holes of a sparse source need no room', async () => {
  await using scratch = await ScratchFolder.make();
  await makeSources(scratch);
  await using handle = await open(join(scratch.path, 'sparse.raw'), 'w');
  await handle.truncate(64 * MiB);
  await handle.write(Buffer.alloc(MiB, 1), 0, MiB, 32 * MiB);
  await withTmpfs(scratch.output, 'size=3m', async () => {
    const { made, ...plan } = await both(scratch, 'sparse.raw', { format: 'raw', inputFormat: 'raw' });
    expect(plan).toEqual({ cannot: false, may: false, free: 3 * MiB });
    expect(made).toMatchObject({ disks: [{ virtualSizeBytes: 64 * MiB }] });
  });
});
