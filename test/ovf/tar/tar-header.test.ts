import { execFileSync } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { encodeHeaders, headersBytes } from '../../../src/ovf/tar/tar-header.ts';
import { temporaryFolder } from '../package-folder.ts';

const mtime = new Date('2026-11-22T12:00:00Z');

test.each([0, 8 ** 11 - 1, 8 ** 11, 70 * 2 ** 40])('tar reads a size of %d bytes', async (sizeBytes) => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'a.tar');
  const handle = await open(path, 'w');
  // The data is a hole. The largest size exceeds the file system's limit, so there tar reads only the header.
  await handle.write(encodeHeaders({ name: 'big.vmdk', sizeBytes, mtime }));
  if (sizeBytes <= 8 ** 11) await handle.truncate(512 + Math.ceil(sizeBytes / 512) * 512 + 1024);
  await handle.close();
  const script = `TZ=UTC tar -tvf ${path} 2>/dev/null || true`;
  const line = execFileSync('sh', ['-c', script], { encoding: 'utf8' });
  expect(line).toMatch(new RegExp(`^-rw-r--r-- 0/0 +${sizeBytes} 2026-11-22 12:00 big.vmdk`));
});

test('the length of the headers is known from the name alone', () => {
  for (let length = 1; length <= 255; length++) {
    for (const name of ['x'.repeat(length), 'é'.repeat(Math.ceil(length / 2))]) {
      for (const sizeBytes of [0, 8 ** 12]) {
        expect(encodeHeaders({ name, sizeBytes, mtime }).length).toBe(headersBytes(name));
      }
    }
  }
});

test('a pax record counts its own digits', () => {
  for (let length = 101; length <= 1100; length++) {
    const content = encodeHeaders({ name: 'x'.repeat(length), sizeBytes: 0, mtime })
      .subarray(512)
      .toString();
    const record = content.slice(0, content.indexOf('\n') + 1);
    expect(Number.parseInt(record, 10)).toBe(record.length);
  }
});
