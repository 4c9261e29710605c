import { describe, expect } from '@jest/globals';
import { join } from 'node:path';
import type { ConvertOptions } from '../../../src/operations/convert/types.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { mixedContent, sparseContent, writeRawFile, type ContentSource } from '../../server/content-source.ts';
import { ScratchFolder } from '../export/export-run.ts';
import { qemu, runConvert } from './convert-run.ts';

const MiB = 1 << 20;

/** As qemu-img makes them: `-O` and `-o`. */
const SOURCES: [title: string, format: string, options: string][] = [
  ['raw', 'raw', ''],
  ['qcow2', 'qcow2', ''],
  ['qcow2 of version 2', 'qcow2', 'compat=0.10'],
  ['qcow2 with clusters of 4 KiB', 'qcow2', 'cluster_size=4096'],
  ['qcow2 with clusters of 2 MiB', 'qcow2', 'cluster_size=2M'],
  ['compressed qcow2', 'qcow2', '-c'],
  ['qcow2 compressed by zstd', 'qcow2', '-c compression_type=zstd'],
  ['VMDK monolithicSparse', 'vmdk', 'subformat=monolithicSparse'],
  ['VMDK monolithicFlat', 'vmdk', 'subformat=monolithicFlat'],
  ['VMDK twoGbMaxExtentSparse', 'vmdk', 'subformat=twoGbMaxExtentSparse'],
  ['VMDK twoGbMaxExtentFlat', 'vmdk', 'subformat=twoGbMaxExtentFlat'],
  ['VMDK streamOptimized', 'vmdk', 'subformat=streamOptimized'],
  ['VHD dynamic', 'vpc', 'force_size=on'],
  ['VHD fixed', 'vpc', 'subformat=fixed,force_size=on'],
  ['VHDX dynamic', 'vhdx', ''],
  ['VHDX fixed', 'vhdx', 'subformat=fixed'],
  ['VDI', 'vdi', ''],
  ['VDI static', 'vdi', 'static=on'],
];

const RESULTS: [title: string, options: Pick<ConvertOptions, 'format' | 'compression' | 'clusterBytes'>][] = [
  ['qcow2', { format: 'qcow2', compression: undefined, clusterBytes: undefined }],
  ['compressed qcow2', { format: 'qcow2', compression: 'fast', clusterBytes: undefined }],
  ['carefully compressed qcow2', { format: 'qcow2', compression: 'careful', clusterBytes: undefined }],
  ['qcow2 by zstd', { format: 'qcow2', compression: 'zstd', clusterBytes: undefined }],
  ['qcow2 with clusters of 4 KiB', { format: 'qcow2', compression: undefined, clusterBytes: 4096 }],
  ['qcow2 with clusters of 512 bytes', { format: 'qcow2', compression: 'fast', clusterBytes: 512 }],
  ['qcow2 with clusters of 2 MiB', { format: 'qcow2', compression: 'fast', clusterBytes: 2 * MiB }],
  ['raw', { format: 'raw', compression: undefined, clusterBytes: undefined }],
];

async function makeSource(
  qemuImg: string,
  folder: string,
  content: ContentSource,
  format: string,
  options: string,
): Promise<string> {
  const raw = join(folder, 'content.raw');
  await writeRawFile(content, raw);
  const words = options.split(' ').filter(Boolean);
  const dashO = words.filter((word) => word !== '-c');
  const path = join(folder, `source.${format}`);
  const flags = [...(words.includes('-c') ? ['-c'] : []), ...(dashO.length > 0 ? ['-o', dashO.join(',')] : [])];
  expect(await qemu(qemuImg, 'convert', '-f', 'raw', '-O', format, ...flags, raw, path)).toBe('');
  return path;
}

async function expectSame(qemuImg: string, folder: string, result: string, format: string): Promise<void> {
  if (format === 'qcow2') expect(await qemu(qemuImg, 'check', result)).toMatch(/^No errors were found/);
  const compared = await qemu(qemuImg, 'compare', '-f', 'raw', '-F', format, join(folder, 'content.raw'), result);
  expect(compared).toBe('Images are identical.\n');
}

describe('every format that is read becomes a qcow2 of the same content', () => {
  for (const [title, format, options] of SOURCES) {
    testWithOracle('qemu-img', title, async (oracles) => {
      await using scratch = await ScratchFolder.make();
      const qemuImg = oracles['qemu-img'];
      const source = await makeSource(qemuImg, scratch.path, mixedContent(9 * MiB, title), format, options);
      const { disks } = await runConvert({ source, output: join(scratch.path, 'result.qcow2'), verify: true });
      expect(disks[0]).toMatchObject({ verified: 'read-back', virtualSizeBytes: 9 * MiB });
      await expectSame(qemuImg, scratch.path, join(scratch.path, 'result.qcow2'), 'qcow2');
    });
  }
});

describe('a streamOptimized VMDK and a sparse one become every format that is written', () => {
  for (const subformat of ['streamOptimized', 'monolithicSparse']) {
    for (const [title, options] of RESULTS) {
      testWithOracle('qemu-img', `${subformat} to ${title}`, async (oracles) => {
        await using scratch = await ScratchFolder.make();
        const qemuImg = oracles['qemu-img'];
        const content = mixedContent(5 * MiB + 512, `${subformat} ${title}`);
        const source = await makeSource(qemuImg, scratch.path, content, 'vmdk', `subformat=${subformat}`);
        const output = join(scratch.path, `result.${options.format}`);
        await runConvert({ source, output, ...options, verify: true });
        await expectSame(qemuImg, scratch.path, output, options.format);
      });
    }
  }
});

describe('sizes at the edges', () => {
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
      sparseContent(2 ** 41, [{ offsetBytes: 2 ** 40, lengthBytes: 512, fill: 'random' }], 't'),
    ],
  ];
  for (const [title, content] of edges) {
    testWithOracle('qemu-img', title, async (oracles) => {
      await using scratch = await ScratchFolder.make();
      const qemuImg = oracles['qemu-img'];
      const source = await makeSource(qemuImg, scratch.path, content, 'vmdk', 'subformat=streamOptimized');
      for (const [, options] of RESULTS.filter(([, { clusterBytes }]) => clusterBytes === undefined)) {
        const output = join(scratch.path, `result.${options.format}`);
        await runConvert({ source, output, ...options, force: true });
        await expectSame(qemuImg, scratch.path, output, options.format);
      }
    });
  }
});
