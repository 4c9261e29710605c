import { mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import { removeOldBundles } from './bundled-program.ts';

test('bundles that no test has used for an hour are removed, and the new one stays', async () => {
  const cache = await makeTemporaryFolder('bundles-');
  try {
    const past = new Date(Date.now() - 2 * 3_600_000);
    for (const name of ['new', 'old', 'in-use', 'killed-Xy12']) {
      await mkdir(join(cache, name));
      await writeFile(join(cache, name, 'bundle.cjs'), '');
      if (name !== 'in-use') await utimes(join(cache, name), past, past);
    }
    removeOldBundles(cache, join(cache, 'new'));
    expect((await readdir(cache)).toSorted()).toEqual(['in-use', 'new']);
  } finally {
    await rm(cache, { recursive: true });
  }
});
