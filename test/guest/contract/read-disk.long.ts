import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { diskReader } from '../../../src/guest/contract/read-disk.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { APPLIANCE_TEST_MS, imageFolder, withSession } from '../make-disk.ts';
import { bootSector } from './tree-of-files.ts';

testWithOracle(
  'guestfish',
  'reads the first sector of each disk as it is, zeros included',
  async () => {
    await using folder = await imageFolder();
    const contents = [Buffer.alloc(1 << 20), Buffer.concat([bootSector(), Buffer.alloc(1 << 20)])];
    const disks = contents.map((_, index) => ({ path: join(folder.path, `disk${index}`), format: 'raw' }));
    for (const [index, { path }] of disks.entries()) await writeFile(path, contents[index] ?? '');
    await withSession(disks, true, async (session) => {
      const read = diskReader(session);
      expect(await read(0, 0, 512)).toEqual(Buffer.alloc(512));
      expect(await read(1, 0, 512)).toEqual(bootSector());
      expect(await read(2, 0, 512)).toHaveLength(0);
    });
  },
  APPLIANCE_TEST_MS,
);
