import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { requireVirtioWin } from '../../../src/guest/windows/virtio-win.ts';
import { imageFolder } from '../make-disk.ts';

/**
 * Builds an ISO 9660 image up to its path table: the primary volume descriptor is in sector 16, and the path table is
 * in sector 20.
 */
function isoOf(names: readonly string[]): Buffer {
  const records = names.map((name) => {
    const record = Buffer.alloc(8 + name.length + (name.length % 2));
    record.writeUInt8(name.length);
    record.write(name, 8, 'latin1');
    return record;
  });
  const table = Buffer.concat(records);
  const iso = Buffer.alloc(21 * 2048);
  iso.write('\u0001CD001', 16 * 2048, 'latin1');
  iso.writeUInt32LE(table.length, 16 * 2048 + 132);
  iso.writeUInt32LE(20, 16 * 2048 + 140);
  table.copy(iso, 20 * 2048);
  return iso;
}

test('virtio-win is taken as an ISO, and as a folder', async () => {
  await using folder = await imageFolder();
  const iso = join(folder.path, 'virtio-win.iso');
  await writeFile(iso, isoOf(['\0', 'NETKVM', 'W10', 'AMD64']));
  const unpacked = join(folder.path, 'unpacked');
  await mkdir(join(unpacked, 'virtio-win', 'viostor', '2k22', 'amd64'), { recursive: true });
  expect(() => requireVirtioWin(iso)).not.toThrow();
  expect(() => requireVirtioWin(unpacked)).not.toThrow();
});

test.each([
  ['an ISO of something else', isoOf(['\0', 'BOOT', 'SOURCES'])],
  ['an ISO that ends early', isoOf(['\0', 'AMD64']).subarray(0, 18 * 2048)],
  ['an ISO whose table is said to be as long as no table', withTableBytes(0xffff_ffff)],
  ['a file that is no ISO', Buffer.from('MZ')],
  ['an empty folder', undefined],
])('%s is refused with the flag’s name', async (_what, content) => {
  await using folder = await imageFolder();
  const path = join(folder.path, 'given');
  await (content === undefined ? mkdir(path) : writeFile(path, content));
  expect(() => requireVirtioWin(path)).toThrow(
    expect.objectContaining({
      kind: 'usage',
      message: `--virtio-win ${path} does not contain the virtio-win drivers.`,
      hint: expect.stringContaining('virtio-win.iso'),
    }),
  );
});

test('a path that is not there is told as such', () => {
  expect(() => requireVirtioWin('/nonexistent/virtio-win.iso')).toThrow(
    'Could not read /nonexistent/virtio-win.iso: it does not exist.',
  );
});

function withTableBytes(sizeBytes: number): Buffer {
  const iso = isoOf(['\0', 'AMD64']);
  iso.writeUInt32LE(sizeBytes, 16 * 2048 + 132);
  return iso;
}
