import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { withCustomization } from '../../../../src/operations/fix-guest/customize/customization.ts';
import type { FixOptions } from '../../../../src/operations/fix-guest/types.ts';
import { ExportRecipe } from '../../../../src/operations/export/target/export-recipe.ts';
import { emptyContent } from '../../../server/content-source.ts';
import { startTestServer } from '../../../server/test-server.ts';
import { NO_FIX } from '../../fix-guest/no-fix.ts';
import { leftOnServer, NOTHING_LEFT, optionsFor, runExport, ScratchFolder } from '../export-run.ts';

const VMS = ['web', 'db'].map((name) => ({ name, disks: [{ content: emptyContent(1 << 20) }] }));

/** A stand-in for virt-customize that accepts every file, in a folder that is first on the PATH. */
async function environment(scratch: ScratchFolder): Promise<NodeJS.ProcessEnv> {
  const bin = join(scratch.path, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'virt-customize'), '#!/bin/sh\necho --upload\n', { mode: 0o755 });
  await writeFile(join(bin, 'guestfish'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  const PATH = [bin, process.env['PATH']].join(delimiter);
  return { ...process.env, PATH, XDG_STATE_HOME: join(scratch.path, 'state') };
}

function customized(scratch: ScratchFolder): FixOptions {
  const file = join(scratch.path, '{vm}.txt');
  return { ...NO_FIX, fix: 'auto', customize: { file, firstboot: [], network: false, guestAgent: undefined } };
}

test('a VM whose command file is missing, or names a missing file, fails before anything is asked of the server for it', async () => {
  await using scratch = await ScratchFolder.make();
  await using server = await startTestServer({ vms: VMS });
  const env = await environment(scratch);
  await writeFile(join(scratch.path, 'db.txt'), 'upload /nonexistent:/root/a\n');
  const options = { format: 'qcow2', guest: customized(scratch), env, vms: ['web', 'db'] } as const;
  const { result } = await runExport(server, scratch, { ...options, vms: [...options.vms] });
  expect(result?.failed.map(({ vm, error }) => [vm, error.kind, error.message])).toEqual([
    ['web', 'usage', expect.stringContaining('web.txt: it does not exist')],
    ['db', 'usage', expect.stringMatching(/db\.txt, line 1, upload: .*\/nonexistent: it does not exist/)],
  ]);
  expect(server.state().leases).toEqual([]);
  expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  expect(await scratch.files()).toEqual([]);
});

test('the content of the command file is part of the fingerprint, and its absence leaves earlier ones valid', async () => {
  await using scratch = await ScratchFolder.make();
  await using server = await startTestServer({ vms: VMS });
  const env = await environment(scratch);
  const { signal } = new AbortController();
  const recipe = async (text: string): Promise<ExportRecipe> => {
    await writeFile(join(scratch.path, 'web.txt'), text);
    const guest = await withCustomization(customized(scratch), 'web', { env, signal });
    return ExportRecipe.of(optionsFor(server, scratch, { format: 'qcow2', guest }));
  };
  const first = await recipe('root-password password:geheim\n');
  const second = await recipe('root-password password:other\n');
  expect(second.differencesFrom(first.fingerprint())).toEqual(['--customize']);
  expect((await recipe('root-password password:geheim\n')).fingerprint()).toBe(first.fingerprint());
  expect(first.fingerprint()).not.toContain('geheim');
  const plain = ExportRecipe.of(optionsFor(server, scratch, { format: 'qcow2' }));
  expect(plain.fingerprint()).not.toMatch(/customize|firstboot|guest-agent/);
});
