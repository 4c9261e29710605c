import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readJobFile } from '../../../src/cli/hyperctl/job-file.ts';
import { makeTemporaryFolder } from '../../temporary-folder.ts';

let folder = '';
beforeEach(async () => {
  folder = await makeTemporaryFolder('h2k-jobfile-');
});
afterEach(() => rm(folder, { recursive: true }));

async function read(text: string, mode = 0o600) {
  const path = join(folder, 'job.yaml');
  await writeFile(path, text);
  await chmod(path, mode);
  return readJobFile(path);
}

test('a job in JSON or YAML, and several under jobs', async () => {
  const job = { vm_path: '/DC0/vm/web', output_path: '/srv', format: 'ova', options: { parallel_downloads: 4 } };
  expect(await read(JSON.stringify(job))).toMatchObject([
    { vm: '/DC0/vm/web', output: '/srv', format: 'ova', parallel: 4, compress: false },
  ]);
  const yaml = `jobs:
  - {name: one, vm_path: a, output_dir: /one, compress: true, options: {remove_cdrom: true}}
  - {vm_path: b, vcenter_url: https://vc, username: joe, insecure: true, created_at: 2026-01-01T00:00:00Z}
`;
  expect(await read(yaml)).toMatchObject([
    { vm: 'a', output: '/one', compress: true, removeCdrom: true },
    { vm: 'b', output: undefined, url: 'https://vc', username: 'joe', insecure: true },
  ]);
});

test.each<[string, RegExp]>([
  ['vm_pat: a', /the key "vm_pat" is not supported/],
  ['{vm_path: a, options: {enable_pipeline: true}}', /the key "enable_pipeline" is not supported/],
  ['{vm_path: [a]}', /vm_path must be a string/],
  ['{vm_path: a, options: {parallel_downloads: many}}', /parallel_downloads must be a number/],
  ['{jobs: []}', /jobs is not a list of jobs/],
  ['{jobs: [{vm_path: a}], extra: 1}', /the key "extra" is not supported/],
  ['just a text', /a job is not a mapping of keys/],
  ['{vm_path: "geheim', /is neither YAML nor JSON/],
])('%s is refused', async (text, message) => {
  const refused = expect(read(text)).rejects;
  await refused.toMatchObject({ kind: 'usage', message: expect.stringMatching(message) });
});

test('a file with a password has to be closed to others, and no message quotes it', async () => {
  const text = '{vm_path: a, password: geheim-1}';
  const [job] = await read(text);
  expect(job?.password?.reveal()).toBe('geheim-1');
  await expect(read(text, 0o644)).rejects.toMatchObject({
    kind: 'usage',
    message: expect.not.stringContaining('geheim'),
    hint: expect.stringMatching(/^Run chmod 600 /),
  });
  await expect(readJobFile(join(folder, 'none.json'))).rejects.toMatchObject({
    kind: 'usage',
    message: expect.stringMatching(/none\.json cannot be read/),
  });
});
