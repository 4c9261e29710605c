import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { giveFinalNames } from '../../../src/base/output/final-names.ts';
import { listing, temporaryFolder } from '../../ovf/package-folder.ts';

test.each([true, false])('a failure between renames takes back those that were made (force: %s)', async (force) => {
  await using folder = await temporaryFolder();
  for (const name of ['a.partial', 'b.partial']) await writeFile(join(folder.path, name), name);
  const paths = ['a', 'b', 'gone'].map((name) => join(folder.path, name));
  await expect(giveFinalNames(folder.path, paths, { force })).rejects.toMatchObject({
    kind: 'local-file',
    message: `Could not create ${join(folder.path, 'gone')}: it does not exist.`,
  });
  expect(await listing(folder.path)).toEqual(['a.partial', 'b.partial']);
});
