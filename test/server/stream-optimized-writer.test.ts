import { describe, expect, test } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { testWithOracle } from '../oracles/oracle.ts';
import { outputOf } from '../oracles/run-program.ts';
import { emptyContent, mixedContent, randomContent, writeRawFile, type ContentSource } from './content-source.ts';
import { streamOptimized } from './stream-optimized-writer.ts';
import { TemporaryFolder } from '../temporary-folder.ts';

const MIB = 1 << 20;
const DISKS: Record<string, ContentSource> = {
  empty: emptyContent(5 * MIB),
  'full of random data': randomContent(3 * MIB, 'random'),
  'mixed, with two grain tables': mixedContent(40 * MIB, 'mixed'),
  'mixed, of a capacity that is no multiple of 64 KiB': mixedContent(MIB + 512 * 5, 'odd'),
  'of a single sector': randomContent(512, 'sector'),
};

describe.each(Object.entries(DISKS))('a stream of a disk %s', (_name, content) => {
  for (const lastGrain of ['cut', 'padded'] as const) {
    testWithOracle('qemu-img', `is read back by qemu-img, last grain ${lastGrain}`, async ({ 'qemu-img': qemuImg }) => {
      await using folder = await TemporaryFolder.make('stream-');
      const [vmdk, raw, back] = ['disk.vmdk', 'disk.raw', 'back.raw'].map((name) => join(folder.path, name));
      await writeFile(vmdk ?? '', streamOptimized(content, { lastGrain }));
      await writeRawFile(content, raw ?? '');
      const info = await outputOf(qemuImg, ['info', '--output=json', vmdk ?? '']);
      expect(JSON.parse(info)).toMatchObject({
        'virtual-size': content.capacityBytes,
        'format-specific': { data: { 'create-type': 'streamOptimized' } },
      });
      await outputOf(qemuImg, ['convert', '-f', 'vmdk', '-O', 'raw', vmdk ?? '', back ?? '']);
      expect((await readFile(back ?? '')).equals(await readFile(raw ?? ''))).toBe(true);
    });
  }

  test('is the same every time', async () => {
    const first = await collect(streamOptimized(content));
    expect(first.equals(await collect(streamOptimized(content)))).toBe(true);
  });

  test('has the layout of a vSphere export', async () => {
    const stream = await collect(streamOptimized(content));
    expect(stream.toString('latin1', 0, 4)).toBe('KDMV');
    expect(stream.readBigUInt64LE(56)).toBe(0xffffffffffffffffn);
    expect(stream.length % 512).toBe(0);
    const footer = stream.subarray(-1024, -512);
    expect(footer.toString('latin1', 0, 4)).toBe('KDMV');
    expect(Number(footer.readBigUInt64LE(56)) * 512).toBeLessThan(stream.length - 1536);
    expect(stream.subarray(-512).every((byte) => byte === 0)).toBe(true);
  });
});

async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(chunks));
}
