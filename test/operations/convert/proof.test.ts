import { describe, expect, test } from '@jest/globals';
import { mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildStream, type Unit } from '../../image/vmdk/stream-builder.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { outputOf } from '../../oracles/run-program.ts';
import { ScratchFolder } from '../export/export-run.ts';
import { qemu, runConvert, type ConvertChoices } from './convert-run.ts';

const GRAIN_BYTES = 65536;
const CONTENT = Buffer.alloc(3 * GRAIN_BYTES, 'what a guest writes, ');

/** Creates a streamOptimized VMDK of three grains. With `damaged`, the checksum of the second grain is wrong, but its data is intact. */
async function makeStream(scratch: ScratchFolder, damaged: boolean): Promise<{ source: string; output: string }> {
  const source = join(scratch.path, 'disk.vmdk');
  const grains = [0, 1, 2].map((at) => [at, CONTENT.subarray(at * GRAIN_BYTES, (at + 1) * GRAIN_BYTES)] as const);
  const damage = (unit: Unit) => {
    if (unit.kind !== 'grain' || unit.sector !== GRAIN_BYTES / 512) return unit;
    return { ...unit, data: unit.data.map((byte, at) => (at === unit.data.length - 1 ? byte ^ 1 : byte)) };
  };
  const units = (all: Unit[]) => (damaged ? all.map(damage) : all);
  await writeFile(source, buildStream(CONTENT.length / 512, new Map(grains), { units }));
  const output = join(scratch.path, 'out');
  await mkdir(output);
  return { source, output };
}

type Choice = Pick<ConvertChoices, 'compression' | 'verify'>;

describe('the checksums of grains', () => {
  test.each<[string, Choice, string]>([
    ['are checked', { compression: 'fast', verify: undefined }, 'checksums'],
    ['are not with --no-verify where grains move as they are', { compression: 'fast', verify: false }, 'none'],
    ['are with --no-verify where grains are inflated anyway', { compression: 'zstd', verify: false }, 'checksums'],
    ['are beside the result that is read back', { compression: 'fast', verify: true }, 'read-back'],
  ])('%s, and the result says so', async (_, choice, verified) => {
    await using scratch = await ScratchFolder.make();
    const { disks } = await runConvert({ ...(await makeStream(scratch, false)), ...choice });
    expect(disks.map((disk) => disk.verified)).toEqual([verified]);
  });

  test.each<[string, Choice]>([
    ['by default', { compression: 'fast', verify: undefined }],
    ['with --verify', { compression: 'fast', verify: true }],
    ['with --no-verify where grains are inflated anyway', { compression: undefined, verify: false }],
  ])('refuse a damaged grain %s', async (_, choice) => {
    await using scratch = await ScratchFolder.make();
    const { source, output } = await makeStream(scratch, true);
    await expect(runConvert({ source, output, ...choice })).rejects.toMatchObject({
      kind: 'image',
      message: expect.stringMatching(/^The compressed cluster at byte \d+ of \/.*disk\.vmdk is damaged: /),
    });
    expect(await readdir(output)).toEqual([]);
  });

  testWithOracle('qemu-img', 'cost nothing with --no-verify: the data moves as it is', async (oracles) => {
    await using scratch = await ScratchFolder.make();
    const { source, output } = await makeStream(scratch, true);
    const { disks } = await runConvert({ source, output, compression: 'fast', verify: false });
    const [path = ''] = disks.map((disk) => disk.path);
    const raw = join(scratch.path, 'expected.raw');
    await writeFile(raw, CONTENT);
    expect(await qemu(oracles['qemu-img'], 'check', path)).toMatch(/^No errors were found/);
    expect(await qemu(oracles['qemu-img'], 'compare', '-F', 'raw', path, raw)).toBe('Images are identical.\n');
  });
});

testWithOracle('qemu-img', 'a disk that ends within a sector reads back, in whole sectors', async (oracles) => {
  await using scratch = await ScratchFolder.make();
  const [raw, source] = [join(scratch.path, 'disk.raw'), join(scratch.path, 'disk.qcow2')];
  await writeFile(raw, Buffer.alloc(1024 * 1024, 'full to the end, '));
  await outputOf(oracles['qemu-img'], ['convert', '-f', 'raw', '-O', 'qcow2', raw, source]);
  await using file = await open(source, 'r+');
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE(1_000_001n);
  await file.write(size, 0, 8, 24);
  const { disks } = await runConvert({ source, output: join(scratch.path, 'out.raw'), format: 'raw', verify: true });
  expect(disks.map(({ verified }) => verified)).toEqual(['read-back']);
  const expected = Buffer.concat([(await readFile(raw)).subarray(0, 1_000_001), Buffer.alloc(447)]);
  expect((await readFile(join(scratch.path, 'out.raw'))).equals(expected)).toBe(true);
});

testWithOracle('qemu-img', 'a thin disk of 1 TiB is read back as raw without its holes', async (oracles) => {
  await using scratch = await ScratchFolder.make();
  const [source, output] = [join(scratch.path, 'thin.qcow2'), join(scratch.path, 'out.raw')];
  await outputOf(oracles['qemu-img'], ['create', '-q', '-f', 'qcow2', source, '1T']);
  await outputOf('qemu-io', ['-c', 'write -P 7 5G 64k', '-c', 'write -P 8 900G 3M', source]);
  // Checks the number of bytes that are read, because a time limit would prove nothing.
  let passes = 0;
  const covered: number[] = [];
  const { disks } = await runConvert({ source, output, format: 'raw' }, undefined, (event) => {
    if (event.type === 'disk-pass') passes += 1;
    if (event.type === 'disk-progress' && passes === 2) covered.push(event.coveredBytes);
  });
  expect(disks.map(({ verified }) => verified)).toEqual(['read-back']);
  expect(new Set(covered).size).toBeLessThan(5);
  expect(await qemu(oracles['qemu-img'], 'compare', '-f', 'qcow2', '-F', 'raw', source, output)).toBe(
    'Images are identical.\n',
  );
});
