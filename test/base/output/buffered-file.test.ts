import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { BufferedFile } from '../../../src/base/output/buffered-file.ts';
import { pattern, temporaryFolder } from '../../ovf/package-folder.ts';

test('chunks of any size arrive in order, from the given place on', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'a');
  const handle = await open(path, 'w+');
  const file = new BufferedFile(handle, path, 1000);
  const bytes = pattern(7_654_321);
  for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 7 + 3) % 2_500_000) {
    const chunk = Buffer.from(bytes.subarray(at, at + size));
    await file.write(chunk);
    // The caller may reuse its buffer.
    chunk.fill(0);
  }
  expect(file.offsetBytes).toBe(1000 + bytes.length);
  await file.end();
  await handle.close();
  expect(bytes.equals((await readFile(path)).subarray(1000))).toBe(true);
});

// Linux's /dev/full is a full disk: every write to it fails with ENOSPC.
test('a full disk is a local-file error that names the path, in this call or the next', async () => {
  const handle = await open('/dev/full', 'w');
  const file = new BufferedFile(handle, '/out/disk.vmdk.partial', 0);
  const fill = async (): Promise<void> => {
    for (let round = 0; round < 100; round++) await file.write(pattern(100_000));
    await file.end();
  };
  const expected = { kind: 'local-file', message: 'Could not write /out/disk.vmdk.partial: no space is left.' };
  await expect(fill()).rejects.toMatchObject(expected);
  await expect(file.end()).rejects.toMatchObject(expected);
  await file.settle();
  await handle.close();
});
